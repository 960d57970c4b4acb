import TOMLKit
import Tracking

/// Reads the keys of one table, each by its kind.
struct SectionReader {
    let table: TOMLTable
    let path: [String]
    let findings: Findings

    /// Reports keys that the section does not have.
    func check(_ known: [String]) {
        for key in table.keys where !known.contains(key) {
            let place = path.isEmpty ? "relay.conf" : "[\(KeyLocator.join(path))]"
            let hint = Schema.suggestion(for: key, among: known).map { "; did you mean \"\($0)\"?" }
            findings.error(
                path + [key],
                "unknown key \"\(key)\" in \(place)\(hint ?? "; known keys: \(known.joined(separator: ", "))")")
        }
    }

    func has(_ key: String) -> Bool { table[key] != nil }

    func fail(_ key: String, _ message: String) { findings.error(path + [key], "\(key): \(message)") }

    func string(_ key: String) -> String? {
        guard let value = table[key] else { return nil }
        guard let text = value.string else {
            fail(key, "must be a string in quotes, not \(Self.kind(value))")
            return nil
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            fail(key, "must not hold control characters")
            return nil
        }
        return text
    }

    func text(_ key: String, limit: Int) -> String? {
        guard let text = string(key) else { return nil }
        guard text.count <= limit else {
            fail(key, "must be at most \(limit) characters")
            return nil
        }
        return text
    }

    func boolean(_ key: String) -> Bool? {
        guard let value = table[key] else { return nil }
        guard let flag = value.bool else {
            fail(key, "must be true or false, not \(Self.kind(value))")
            return nil
        }
        return flag
    }

    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let value = table[key] else { return nil }
        guard let number = value.int, range.contains(number) else {
            fail(key, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    func word<Word: RawRepresentable & CaseIterable>(_ key: String, _ type: Word.Type) -> Word?
    where Word.RawValue == String {
        word(key, among: Word.allCases.map(\.rawValue)).flatMap { Word(rawValue: $0) }
    }

    func word(_ key: String, among all: [String]) -> String? {
        guard let text = string(key) else { return nil }
        if all.contains(text) { return text }
        let hint = Schema.suggestion(for: text, among: all).map { "; did you mean \"\($0)\"?" } ?? ""
        fail(key, "\"\(text)\" is not one of \(all.map { "\"\($0)\"" }.joined(separator: ", "))\(hint)")
        return nil
    }

    func strings(_ key: String) -> [String]? {
        guard let value = table[key] else { return nil }
        guard let array = value.array else {
            fail(key, "must be a list of strings such as [\"a\", \"b\"]")
            return nil
        }
        let texts = array.map(\.string)
        guard !texts.contains(nil) else {
            fail(key, "every entry of the list must be a string in quotes")
            return nil
        }
        return texts.compactMap { $0 }
    }

    /// A string that `read` turns into a value, or an error that says what would be right.
    func parsed<Value>(_ key: String, _ expected: String, _ read: (String) -> Value?) -> Value? {
        guard let text = string(key) else { return nil }
        if let value = read(text) { return value }
        fail(key, "\"\(text)\" is not \(expected)")
        return nil
    }

    func list<Value>(_ key: String, _ expected: String, _ read: (String) -> Value?) -> [Value]? {
        guard let texts = strings(key) else { return nil }
        return texts.compactMap { text in
            if let value = read(text) { return value }
            fail(key, "\"\(text)\" is not \(expected)")
            return nil
        }
    }

    func address(_ key: String) -> BaseURL? {
        guard let text = string(key) else { return nil }
        do {
            return try BaseURL(text)
        } catch {
            fail(key, error.description)
            return nil
        }
    }

    func endpoint(_ key: String) -> Endpoint? {
        parsed(key, "HOST:PORT such as \"127.0.0.1:2525\" or \"[::1]:2525\"") { Endpoint($0) }
    }

    func duration(_ key: String) -> Duration? { parsed(key, Quantity.durationHint, Quantity.duration) }

    /// A time that must be within bounds to make sense.
    func duration(_ key: String, in range: ClosedRange<Duration>) -> Duration? {
        guard let value = duration(key) else { return nil }
        guard range.contains(value) else {
            fail(key, "must be \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound))")
            return nil
        }
        return value
    }

    func octets(_ key: String) -> Int? { parsed(key, Quantity.sizeHint, Quantity.octets) }

    func table(_ key: String) -> SectionReader? {
        guard let value = table[key] else { return nil }
        guard let inner = value.table else {
            findings.error(path + [key], "\"\(key)\" must be a section: [\(KeyLocator.join(path + [key]))]")
            return nil
        }
        return SectionReader(table: inner, path: path + [key], findings: findings)
    }

    /// The tables of `[[key]]`.
    func tables(_ key: String) -> [SectionReader] {
        guard let value = table[key] else { return [] }
        guard let array = value.array, array.allSatisfy({ $0.table != nil }) else {
            findings.error(path + [key], "\"\(key)\" must be written as [[\(key)]]")
            return []
        }
        return array.enumerated().compactMap { number, entry in
            entry.table.map { SectionReader(table: $0, path: path + ["\(key)[\(number)]"], findings: findings) }
        }
    }

    private static func kind(_ value: any TOMLValueConvertible) -> String { "a value of type \(value.type.rawValue)" }
}

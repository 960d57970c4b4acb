import TOMLKit
import Tracking

/// Collects errors while sections are read, so that one run shows them all.
final class Findings {
    let file: String
    let locator: KeyLocator
    var errors: [ConfigurationError] = []
    var warnings: [ConfigurationError] = []

    init(file: String, locator: KeyLocator) {
        self.file = file
        self.locator = locator
    }

    func position(of path: [String]) -> SourcePosition {
        var path = path
        while !path.isEmpty {
            if let place = locator.positions[KeyLocator.join(path)] { return place }
            path.removeLast()
        }
        return SourcePosition(line: 1, column: 1)
    }

    func error(_ path: [String], _ message: String) { errors.append(make(path, message)) }
    func warning(_ path: [String], _ message: String) { warnings.append(make(path, message)) }

    private func make(_ path: [String], _ message: String) -> ConfigurationError {
        let place = position(of: path)
        return ConfigurationError(file: file, line: place.line, column: place.column, message: message)
    }
}

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
        guard let text = string(key) else { return nil }
        if let word = Word(rawValue: text) { return word }
        let all = Word.allCases.map(\.rawValue)
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

    func endpoint(_ key: String) -> Endpoint? {
        parsed(key, "HOST:PORT such as \"127.0.0.1:2525\" or \"[::1]:2525\"") { Endpoint($0) }
    }

    func duration(_ key: String) -> Duration? { parsed(key, Quantity.durationHint, Quantity.duration) }

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

/// Quantities with units.
enum Quantity {
    static let durationHint = "a time with a unit such as \"500ms\", \"30s\", \"5m\", \"2h\" or \"5d\""
    static let sizeHint = "a size with a unit such as \"512KiB\", \"25MiB\" or \"1GB\""

    static func duration(_ text: String) -> Duration? {
        let units: [(String, Int)] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
        return scaled(text, units).map { .milliseconds($0) }
    }

    /// The largest unit that needs no fraction.
    static func text(_ duration: Duration) -> String {
        let milliseconds = Int(duration / .milliseconds(1))
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
        let unit = units.first { milliseconds % $0.1 == 0 && (milliseconds > 0 || $0.0 == "s") } ?? ("ms", 1)
        return "\(milliseconds / unit.1)\(unit.0)"
    }

    static func octets(_ text: String) -> Int? {
        let units = [
            ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1_000), ("MB", 1_000_000),
            ("GB", 1_000_000_000), ("B", 1),
        ]
        return scaled(text, units)
    }

    private static func scaled(_ text: String, _ units: [(String, Int)]) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let number = Int(digits), let factor = units.first(where: { $0.0 == unit })?.1 else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow || product > 1 << 50 ? nil : product
    }
}

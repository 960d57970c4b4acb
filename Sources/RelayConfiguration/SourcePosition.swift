/// A place in relay.conf, both counted from 1.
struct SourcePosition: Hashable {
    var line: Int
    var column: Int
}

/// Finds where each key of a TOML document stands; the TOML library tells positions of syntax errors only.
///
/// Runs on documents that the library has accepted, so it never has to report an error itself.
struct KeyLocator {
    /// Key path such as `listener[1].address` to the place of its last key.
    private(set) var positions: [String: SourcePosition] = [:]

    private let bytes: [UInt8]
    private var index = 0
    private var line = 1
    private var lineStart = 0
    private var prefix: [String] = []
    private var arrayCounts: [String: Int] = [:]

    init(_ text: String) {
        bytes = Array(text.utf8)
        while index < bytes.count { statement() }
    }

    static func join(_ path: [String]) -> String { path.joined(separator: ".") }

    private var position: SourcePosition { SourcePosition(line: line, column: index - lineStart + 1) }

    private mutating func advance() {
        if bytes[index] == 0x0A {
            line += 1
            lineStart = index + 1
        }
        index += 1
    }

    private mutating func skip(while condition: (UInt8) -> Bool) {
        while index < bytes.count, condition(bytes[index]) { advance() }
    }

    private mutating func skipLine() { skip { $0 != 0x0A } }

    private mutating func skipBlanks() { skip { $0 == 0x20 || $0 == 0x09 } }

    private mutating func statement() {
        skip { $0 <= 0x20 }
        guard index < bytes.count else { return }
        switch bytes[index] {
        case UInt8(ascii: "#"): skipLine()
        case UInt8(ascii: "["): header()
        default:
            assignment(under: prefix)
            skipLine()
        }
    }

    private mutating func header() {
        let start = position
        var depth = 0
        while index < bytes.count, bytes[index] == UInt8(ascii: "[") {
            depth += 1
            advance()
        }
        var path = keys().map(\.name)
        // A table below an array of tables belongs to the array's last entry.
        for length in path.indices {
            let above = Self.join(Array(path[...length]))
            if depth == 2, length == path.count - 1 {
                let number = arrayCounts[above] ?? 0
                arrayCounts[above] = number + 1
                path[length] += "[\(number)]"
            } else if let count = arrayCounts[above] {
                path[length] += "[\(count - 1)]"
            }
        }
        prefix = path
        positions[Self.join(path)] = start
        skipLine()
    }

    private mutating func assignment(under path: [String]) {
        var path = path
        let keys = keys()
        guard !keys.isEmpty else {
            if index < bytes.count { advance() }
            return
        }
        for key in keys {
            path.append(key.name)
            if positions[Self.join(path)] == nil { positions[Self.join(path)] = key.position }
        }
        skipBlanks()
        if index < bytes.count, bytes[index] == UInt8(ascii: "=") { advance() }
        value(path)
    }

    private mutating func keys() -> [(name: String, position: SourcePosition)] {
        var keys: [(String, SourcePosition)] = []
        while index < bytes.count {
            skipBlanks()
            let start = position
            guard index < bytes.count, let name = key() else { break }
            keys.append((name, start))
            skipBlanks()
            guard index < bytes.count, bytes[index] == UInt8(ascii: ".") else { break }
            advance()
        }
        return keys
    }

    private mutating func key() -> String? {
        let quote = bytes[index]
        if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            let start = index + 1
            string()
            return String(decoding: bytes[start..<max(start, index - 1)], as: UTF8.self)
        }
        let start = index
        skip { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        return index > start ? String(decoding: bytes[start..<index], as: UTF8.self) : nil
    }

    /// Skips a string of any of TOML's four kinds.
    private mutating func string() {
        let quote = bytes[index]
        let isTriple = bytes[index...].starts(with: [quote, quote, quote])
        for _ in 0..<(isTriple ? 3 : 1) { advance() }
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                advance()
                if index < bytes.count { advance() }
            } else if isTriple ? bytes[index...].starts(with: [quote, quote, quote]) : bytes[index] == quote {
                for _ in 0..<(isTriple ? 3 : 1) { advance() }
                return
            } else {
                advance()
            }
        }
    }

    private mutating func value(_ path: [String]) {
        skipBlanks()
        guard index < bytes.count else { return }
        switch bytes[index] {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): string()
        case UInt8(ascii: "["): array()
        case UInt8(ascii: "{"): inlineTable(path)
        default: skip { $0 > 0x20 && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "}") && $0 != UInt8(ascii: "]") }
        }
    }

    private mutating func array() {
        // Without recursion: only brackets, strings and comments count.
        var depth = 0
        repeat {
            switch bytes[index] {
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                advance()
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                advance()
            case UInt8(ascii: "\""), UInt8(ascii: "'"): string()
            case UInt8(ascii: "#"): skipLine()
            default: advance()
            }
        } while depth > 0 && index < bytes.count
    }

    private mutating func inlineTable(_ path: [String]) {
        advance()
        while index < bytes.count {
            skipBlanks()
            guard index < bytes.count, bytes[index] != UInt8(ascii: "}"), path.count < 32 else { break }
            assignment(under: path)
            skipBlanks()
            if index < bytes.count, bytes[index] == UInt8(ascii: ",") { advance() }
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: "}") { advance() }
    }
}

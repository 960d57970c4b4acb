import MailMessage

/// How an attribute's value is written.
public enum Quoting: Sendable, Equatable {
    /// `name="value"`.
    case double
    /// `name='value'`.
    case single
    /// `name=value`.
    case unquoted
    /// `name` alone.
    case noValue
}

/// An attribute by its ranges.
public struct RawAttribute: Sendable, Equatable {
    /// The name as it is written.
    public let name: Range<Int>
    /// The value without its quotes.
    public let value: Range<Int>
    /// How the value is written.
    public let quoting: Quoting

    /// Whether the name is `word`, given in lower case.
    public func isNamed(_ word: StaticString, in html: [UInt8]) -> Bool { HTMLBytes.equals(html, name, word) }
}

/// A tag by its ranges.
public struct HTMLTag: Sendable, Equatable {
    /// From `<` to behind `>`.
    public let range: Range<Int>
    /// The name as it is written.
    public let name: Range<Int>
    /// Whether it ends with `/>`.
    public let isSelfClosing: Bool

    /// The attributes in order, duplicates included; read anew at each call, since most tags are never asked.
    public func attributes(in html: [UInt8]) -> [RawAttribute] {
        var cursor = AttributeCursor(index: name.upperBound, limit: range.upperBound)
        var attributes: [RawAttribute] = []
        attributes.reserveCapacity(6)
        while case .attribute(let attribute) = cursor.next(in: html) { attributes.append(attribute) }
        return attributes
    }
}

/// The attribute states (§13.2.5.32–.39), one attribute at a time.
struct AttributeCursor {
    enum Step {
        case attribute(RawAttribute)
        /// Behind `>`.
        case end(isSelfClosing: Bool)
        /// The end of the document came first.
        case cutOff
    }

    /// Where the next step starts; behind `>` after ``Step/end(isSelfClosing:)``.
    var index: Int
    let limit: Int

    mutating func next(in html: [UInt8]) -> Step {
        var isSelfClosing = false
        while index < limit {
            let byte = html[index]
            if byte == UInt8(ascii: ">") {
                index += 1
                return .end(isSelfClosing: isSelfClosing)
            }
            guard HTMLBytes.isSpace(byte) || byte == UInt8(ascii: "/") else { return attribute(html) }
            isSelfClosing = byte == UInt8(ascii: "/")
            index += 1
        }
        return .cutOff
    }

    private mutating func attribute(_ html: [UInt8]) -> Step {
        let start = index
        // A `=` in front is part of the name.
        index += 1
        while index < limit, !HTMLBytes.endsName(html[index]), html[index] != UInt8(ascii: "=") { index += 1 }
        let name = start..<index
        var next = index
        while next < limit, HTMLBytes.isSpace(html[next]) { next += 1 }
        guard next < limit else { return cutOff() }
        guard html[next] == UInt8(ascii: "=") else {
            return .attribute(RawAttribute(name: name, value: name.upperBound..<name.upperBound, quoting: .noValue))
        }
        index = next + 1
        while index < limit, HTMLBytes.isSpace(html[index]) { index += 1 }
        guard index < limit else { return .cutOff }
        return value(of: name, html)
    }

    private mutating func value(of name: Range<Int>, _ html: [UInt8]) -> Step {
        let quote = html[index]
        var start = index
        if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            start += 1
            guard let close = ByteSearch.firstIndex(of: quote, in: html, start..<limit) else { return cutOff() }
            index = close + 1
            let quoting = quote == UInt8(ascii: "'") ? Quoting.single : .double
            return .attribute(RawAttribute(name: name, value: start..<close, quoting: quoting))
        }
        while index < limit, !HTMLBytes.isSpace(html[index]), html[index] != UInt8(ascii: ">") { index += 1 }
        return .attribute(RawAttribute(name: name, value: start..<index, quoting: .unquoted))
    }

    private mutating func cutOff() -> Step {
        index = limit
        return .cutOff
    }
}

import MailMessage

/// Marks of template languages that were never filled in: tracked, they would lead to the literal text for ever.
enum TemplateMarkers {
    private struct Pair {
        let opening: StaticString
        let closing: StaticString
        /// Whether only a name may stand between them, for addresses hold such characters too.
        var holdsName = false
    }

    /// Mustache and Jinja, Exact Target, Mailchimp; EJS and ERB, Jinja and Twig statements; Velocity and FreeMarker, Smarty,
    /// Ruby, Outlook-like square brackets. A single `{Name}` is Direct Mail's own.
    private static let pairs = [
        Pair(opening: "{{", closing: "}}"), Pair(opening: "%%", closing: "%%"), Pair(opening: "*|", closing: "|*"),
        Pair(opening: "<%", closing: "%>"), Pair(opening: "{%", closing: "%}"),
        Pair(opening: "${", closing: "}", holdsName: true), Pair(opening: "$!{", closing: "}", holdsName: true),
        Pair(opening: "{$", closing: "}", holdsName: true), Pair(opening: "#{", closing: "}", holdsName: true),
        Pair(opening: "[[", closing: "]]", holdsName: true),
    ]

    /// As an HTML library writes them that percent-encodes addresses.
    private static let encodedPairs = [
        Pair(opening: "%7b%7b", closing: "%7d%7d"), Pair(opening: "%3c%", closing: "%%3e"),
        Pair(opening: "%3c%25", closing: "%25%3e"), Pair(opening: "%7b%25", closing: "%25%7d"),
        Pair(opening: "$%7b", closing: "%7d", holdsName: true),
        Pair(opening: "%24%7b", closing: "%7d", holdsName: true),
        Pair(opening: "%7b$", closing: "%7d", holdsName: true),
        Pair(opening: "%7b%24", closing: "%7d", holdsName: true),
        Pair(opening: "#%7b", closing: "%7d", holdsName: true),
        Pair(opening: "%5b%5b", closing: "%5d%5d", holdsName: true),
    ]

    /// Whether both marks of a pair stand in a URL, the closing one behind the opening one.
    static func stand(in url: [UInt8]) -> Bool {
        // A longer one is not tracked anyway.
        let url =
            url.count > 2 * TokenLimits.maximumURLOctets ? Array(url.prefix(2 * TokenLimits.maximumURLOctets)) : url
        // Each opening mark holds one of these.
        guard url.contains(where: isMark) else { return false }
        if pairs.contains(where: { stands($0, in: url) }) { return true }
        guard url.contains(UInt8(ascii: "%")) else { return false }
        let lowercased = url.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
        return encodedPairs.contains { stands($0, in: lowercased) }
    }

    private static func isMark(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "|"), UInt8(ascii: "%"): true
        default: false
        }
    }

    private static func stands(_ pair: Pair, in url: [UInt8]) -> Bool {
        var from = 0
        while let start = ByteSearch.firstIndex(of: pair.opening, in: url, from: from) {
            from = start + pair.opening.utf8CodeUnitCount
            guard let end = ByteSearch.firstIndex(of: pair.closing, in: url, from: from) else { return false }
            if !pair.holdsName || isName(url[from..<end]) { return true }
        }
        return false
    }

    /// Something like `user.name`, ` path | default` or `имя`: no other mark, quote or delimiter of an address in it.
    private static func isName(_ text: ArraySlice<UInt8>) -> Bool {
        let word = text.drop { $0 == 0x20 }
        guard let first = word.first, first >= 0x80 || first == UInt8(ascii: "_") || isLetter(first) else {
            return false
        }
        return word.allSatisfy { byte in
            byte >= 0x80 || isLetter(byte) || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                || " _.-|:()!?@%".utf8.contains(byte)
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 }
}

/// A line of a file that people edit.
public struct TextLine: Sendable, Hashable {
    /// From 1.
    public let number: Int
    /// Without line end, and without blanks at either end.
    public let text: String

    /// What stands between blanks.
    public var words: [String] {
        text.utf8.split { $0 == 0x20 || $0 == 0x09 }.map { String(decoding: $0, as: UTF8.self) }
    }
}

/// The one reader for all files of lines: block list, deny list, hit classes, users, keys, passwords.
///
/// It works on octets: to Swift "\r\n" is one Character, which is not "\n", so a text split by Characters is one line
/// where an editor of Windows wrote it.
public enum TextLines {
    /// Every line; LF, CRLF and CR end one, and a byte order mark at the begin is none of the first.
    public static func all(_ octets: some Collection<UInt8>) -> [TextLine] {
        var octets = Array(octets)[...]
        if octets.starts(with: [0xEF, 0xBB, 0xBF]) { octets = octets.dropFirst(3) }
        var lines: [TextLine] = []
        while !octets.isEmpty {
            let end = octets.firstIndex { $0 == 0x0A || $0 == 0x0D } ?? octets.endIndex
            lines.append(TextLine(number: lines.count + 1, text: trimmed(octets[..<end])))
            octets = octets[end...]
            octets = octets.dropFirst(octets.starts(with: [0x0D, 0x0A]) ? 2 : 1)
        }
        return lines
    }

    /// The lines that say something: neither empty nor a comment that begins with `#`.
    public static func entries(_ octets: some Collection<UInt8>) -> [TextLine] {
        all(octets).filter { !$0.text.isEmpty && !$0.text.hasPrefix("#") }
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> String {
        func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || octet == 0x09 }
        let end = line.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? line.startIndex
        return String(decoding: line[..<end].drop(while: isBlank), as: UTF8.self)
    }
}

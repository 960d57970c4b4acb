/// Recognises RFC 4880 armour inside ordinary text.
enum InlinePGP {
    private static let mark = Array("-----BEGIN PGP ".utf8)

    /// Whether a line starts with `-----BEGIN PGP `.
    static func isPresent(in text: [UInt8]) -> Bool {
        var lineStart = 0
        while lineStart + mark.count <= text.count {
            if text[lineStart] == mark[0], text[lineStart..<lineStart + mark.count].elementsEqual(mark) { return true }
            guard let lineEnd = text[lineStart...].firstIndex(of: 0x0A) else { return false }
            lineStart = lineEnd + 1
        }
        return false
    }
}

/// One line of a message by its ranges.
struct Line {
    /// The line without its end.
    let content: Range<Int>
    /// Where the next line starts.
    let end: Int

    /// The line that starts at `start`; ends at CRLF or a bare LF, or with the message. A lone CR is content.
    init(at start: Int, in message: [UInt8], before limit: Int) {
        guard let lineFeed = ByteSearch.firstIndex(of: ASCII.lf, in: message, start..<limit) else {
            content = start..<limit
            end = limit
            return
        }
        let hasReturn = lineFeed > start && message[lineFeed - 1] == ASCII.cr
        content = start..<(hasReturn ? lineFeed - 1 : lineFeed)
        end = lineFeed + 1
    }
}

import MailMessage

/// Script data with its escaped and double escaped states (§13.2.5.4, .15–.31).
enum ScriptData {
    private enum State { case plain, escaped, doubleEscaped }

    /// Where the end tag starts that closes the script; `nil` when none does.
    static func end(_ html: [UInt8], _ range: Range<Int>) -> Int? {
        var state = State.plain
        var index = range.lowerBound
        let limit = range.upperBound
        while index < limit {
            let byte = html[index]
            if byte == UInt8(ascii: "<") {
                if HTMLBytes.isTag(html, at: index, "/script", before: limit) {
                    if state != .doubleEscaped { return index }
                    state = .escaped
                } else if state == .escaped, HTMLBytes.isTag(html, at: index, "script", before: limit) {
                    state = .doubleEscaped
                } else if state == .plain, HTMLBytes.follows("<!--", in: html, at: index, before: limit) {
                    state = .escaped
                    // `<!-->` and `<!--->` leave again: the dashes count for the end too.
                    index += 2
                    continue
                }
            } else if byte == UInt8(ascii: "-"), state != .plain,
                HTMLBytes.follows("-->", in: html, at: index, before: limit)
            {
                state = .plain
            }
            index += 1
        }
        return nil
    }
}

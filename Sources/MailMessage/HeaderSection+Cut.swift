/// What some readers still take for header behind the line that ended it for others.
extension HeaderSection {
    /// Whether a line that is no field ended the header although fields stood in front of it, or because it starts with a
    /// blank: lenient readers go on to the first empty line. A text without any header is none of these.
    private var isCut: Bool {
        defects.contains {
            switch $0 {
            case .missingSeparator: !fields.isEmpty
            case .leadingContinuation: true
            case .mailboxLine, .looseContinuation: false
            }
        }
    }

    /// The fields between that line and the first empty one, blanks in front of the colon and folding as in a header;
    /// nobody reads further than a header may be long.
    public func fieldsBehindCut(in message: [UInt8]) -> [HeaderField] {
        guard isCut else { return [] }
        var found: [HeaderField] = []
        var position = bodyStart
        var continues = false
        while position < message.count, position - range.lowerBound <= HeaderLimits.default.octets {
            let line = Line(at: position, in: message, before: message.count)
            if line.content.isEmpty { break }
            position = line.end
            if ASCII.isBlank(message[line.content.lowerBound]) {
                guard continues, let last = found.popLast() else { continue }
                found.append(
                    HeaderField(
                        whole: last.whole.lowerBound..<line.end, name: last.name,
                        body: last.body.lowerBound..<line.content.upperBound))
                continue
            }
            let name = Self.fieldName(line.content, in: message)
            continues = name != nil
            guard let name else { continue }
            found.append(
                HeaderField(
                    whole: line.content.lowerBound..<line.end, name: name.name,
                    body: name.bodyStart..<line.content.upperBound))
        }
        return found
    }
}

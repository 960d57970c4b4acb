/// Cuts command lines out of what a client sends, the same however it was split.
///
/// QUIRK (RFC 5321 §2.3.8): a lone LF ends a command too, as telnet and old scripts send it; never in DATA.
public struct CommandLineFramer: Sendable {
    /// One step of framing.
    public enum Step: Sendable, Equatable {
        /// A line without its end.
        case line([UInt8])
        /// A line longer than allowed; all of it was skipped.
        case tooLong
    }

    private var partial: [UInt8] = []
    private var isSkipping = false

    /// A framer at the start of a line.
    public init() {}

    /// Whether a line has begun and not ended.
    public var isInLine: Bool { !partial.isEmpty || isSkipping }

    /// Takes bytes up to the end of one line.
    /// - Parameter limit: most octets of a line, its end not counted.
    /// - Returns: how many bytes were taken, and the line if it has ended.
    public mutating func consume(_ input: ArraySlice<UInt8>, limit: Int) -> (consumed: Int, step: Step?) {
        guard let end = input.firstIndex(of: 0x0A) else {
            keep(input, limit: limit)
            return (input.count, nil)
        }
        keep(input[..<end], limit: limit)
        let consumed = end + 1 - input.startIndex
        if isSkipping {
            isSkipping = false
            return (consumed, .tooLong)
        }
        if partial.last == 0x0D { partial.removeLast() }
        defer { partial.removeAll(keepingCapacity: true) }
        return (consumed, partial.count > limit ? .tooLong : .line(partial))
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>, limit: Int) {
        guard !isSkipping else { return }
        // One more than the limit: a CR that belongs to the line's end.
        if partial.count + bytes.count > limit + 1 {
            isSkipping = true
            partial.removeAll()
        } else {
            partial.append(contentsOf: bytes)
        }
    }
}

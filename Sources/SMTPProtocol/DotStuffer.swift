import MailMessage

/// Writes content for DATA: stuffs dots, lets only CRLF through, and ends the message (RFC 5321 §4.5.2).
public struct DotStuffer: Sendable {
    private var previous: UInt8 = 0x0A
    private var endsInReturn = false

    /// A stuffer for one message.
    public init() {}

    /// Appends a piece of the content, cut anywhere, to what goes on the wire.
    public mutating func stuff(_ piece: ArraySlice<UInt8>, into output: inout [UInt8]) {
        var index = piece.startIndex
        while index < piece.endIndex {
            if previous == 0x0A, !endsInReturn {
                let plain = ByteSearch.plainLines(piece[index...])
                output += piece[index..<index + plain]
                index += plain
                guard index < piece.endIndex else { break }
            }
            let byte = piece[index]
            if endsInReturn {
                endsInReturn = false
                output += [0x0D, 0x0A]
                previous = 0x0A
                if byte == 0x0A {
                    index += 1
                    continue
                }
            }
            switch byte {
            case 0x0D: endsInReturn = true
            case 0x0A:
                output += [0x0D, 0x0A]
                previous = 0x0A
            default:
                if byte == 0x2E, previous == 0x0A { output.append(0x2E) }
                let end = piece[index...].firstIndex { $0 == 0x0D || $0 == 0x0A } ?? piece.endIndex
                output += piece[index..<end]
                previous = 0
                index = end
                continue
            }
            index += 1
        }
    }

    /// Appends the end of the message.
    public mutating func finish(into output: inout [UInt8]) {
        if endsInReturn || previous != 0x0A { output += [0x0D, 0x0A] }
        output += [0x2E, 0x0D, 0x0A]
    }
}

import MailMessage

/// Takes the content of DATA apart: finds its end, removes dot-stuffing (RFC 5321 §4.5.2), settles lone CRs and LFs.
///
/// Only CRLF `.` CRLF ends a message, whatever else the peer sends (CVE-2023-51764 and its kin). Gives the same result
/// however the bytes are split.
public struct DataFramer: Sendable {
    private enum State: Sendable {
        case lineStart, dot, dotReturn, inLine, carriageReturn, finished
    }

    private let policy: BareNewlinePolicy
    private let maximumOctets: Int
    private var state = State.lineStart
    private var octets = 0
    private var sawBareNewline = false

    /// A framer for one message of at most `maximumOctets` octets.
    public init(bareNewlines: BareNewlinePolicy, maximumOctets: Int) {
        policy = bareNewlines
        self.maximumOctets = maximumOctets
    }

    /// How the message ended; `nil` while it has not.
    public var end: ContentEnd? {
        guard state == .finished else { return nil }
        if octets > maximumOctets { return .tooBig }
        return sawBareNewline && policy == .reject ? .bareNewline : .complete
    }

    /// Takes bytes up to the end of the message and appends its content.
    /// - Returns: how many bytes of `input` belong to the message; fewer than all only when it has ended.
    public mutating func consume(_ input: ArraySlice<UInt8>, into content: inout [UInt8]) -> Int {
        var index = input.startIndex
        while index < input.endIndex, state != .finished {
            if state == .lineStart {
                let plain = ByteSearch.plainLines(input[index...])
                keep(input[index..<index + plain], into: &content)
                index += plain
                guard index < input.endIndex else { break }
            }
            let byte = input[index]
            switch state {
            case .inLine where byte != 0x0D && byte != 0x0A:
                let end = input[index...].firstIndex { $0 == 0x0D || $0 == 0x0A } ?? input.endIndex
                keep(input[index..<end], into: &content)
                index = end
                continue
            case .lineStart where byte == 0x2E: state = .dot
            case .lineStart, .inLine: plain(byte, into: &content)
            case .dot where byte == 0x0D: state = .dotReturn
            case .dot:
                // A dot before a lone LF is no stuffing a sender meant: it stays.
                if byte == 0x0A { keep([0x2E], into: &content) }
                plain(byte, into: &content)
            case .dotReturn where byte == 0x0A: state = .finished
            case .dotReturn:
                keep([0x2E], into: &content)
                breakLine(into: &content)
                plain(byte, into: &content)
            case .carriageReturn where byte == 0x0A:
                keep([0x0D, 0x0A], into: &content)
                state = .lineStart
            case .carriageReturn:
                breakLine(into: &content)
                plain(byte, into: &content)
            case .finished: break
            }
            index += 1
        }
        return index - input.startIndex
    }

    private mutating func plain(_ byte: UInt8, into content: inout [UInt8]) {
        switch byte {
        case 0x0D: state = .carriageReturn
        case 0x0A: breakLine(into: &content)
        default:
            keep([byte], into: &content)
            state = .inLine
        }
    }

    /// A lone CR or LF. The line behind it counts as begun: a dot there is content, never stuffing and never the end.
    private mutating func breakLine(into content: inout [UInt8]) {
        sawBareNewline = true
        keep([0x0D, 0x0A], into: &content)
        state = .inLine
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>, into content: inout [UInt8]) {
        octets += bytes.count
        if octets <= maximumOctets { content.append(contentsOf: bytes) }
    }
}

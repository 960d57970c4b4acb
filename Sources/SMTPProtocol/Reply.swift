/// A server's answer (RFC 5321 §4.2): code, enhanced code and text, never one without the others.
public struct Reply: Sendable, Hashable {
    /// 200–599.
    public let code: Int
    /// RFC 2034; `nil` where a dialect has none.
    public let enhanced: EnhancedStatusCode?
    /// At least one line, without line ends; escaped where it came from a peer.
    public let lines: [String]

    /// A reply with all its parts; a code outside 200–599 becomes 554.
    public init(_ code: Int, _ enhanced: EnhancedStatusCode?, _ lines: [String]) {
        self.code = 200...599 ~= code ? code : 554
        self.enhanced = enhanced
        self.lines = lines.isEmpty ? [""] : lines
    }

    /// A reply of one line.
    public init(_ code: Int, _ enhanced: EnhancedStatusCode?, _ text: String) { self.init(code, enhanced, [text]) }

    /// The digit that decides (RFC 5321 §4.2.1).
    public enum Severity: Sendable { case positive, intermediate, transient, permanent }

    /// What the first digit says.
    public var severity: Severity {
        switch code {
        case ..<300: .positive
        case ..<400: .intermediate
        case ..<500: .transient
        default: .permanent
        }
    }

    /// 2xx.
    public var isPositive: Bool { severity == .positive }

    /// The text on one line.
    public var text: String { lines.joined(separator: " ") }

    /// Code, enhanced code and text on one line.
    public var description: String {
        let enhancedText = enhanced.map { " \($0)" } ?? ""
        return "\(code)\(enhancedText)\(text.isEmpty ? "" : " \(text)")"
    }

    /// The enhanced code, or `x.0.0` from the first digit.
    public var status: EnhancedStatusCode {
        enhanced ?? EnhancedStatusCode(max(2, code / 100 == 3 ? 2 : code / 100), 0, 0)
    }

    /// The octets on the wire. Nothing in the text can break a line: controls become `?`, lines are cut at 512 octets.
    /// - Parameter enhanced: whether enhanced codes were offered.
    public func serialized(enhanced offersEnhanced: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, line) in lines.enumerated() {
            let start = bytes.count
            bytes.append(contentsOf: String(code).utf8)
            bytes.append(index == lines.count - 1 ? 0x20 : 0x2D)
            if offersEnhanced, let enhanced { bytes.append(contentsOf: "\(enhanced) ".utf8) }
            for byte in line.utf8 {
                guard bytes.count - start < SMTPLimits.replyLineOctets - 2 else { break }
                bytes.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte)
            }
            bytes.append(0x0D)
            bytes.append(0x0A)
        }
        return bytes
    }
}

extension Reply: CustomStringConvertible {}

/// Sizes of the dialogue (RFC 5321 §4.5.3.1 asks for at least 512 octets of command and reply line).
public enum SMTPLimits {
    /// Longest command line that is taken, but for AUTH's (``authLineOctets``).
    public static let commandLineOctets = 4_096
    /// Longest line of a SASL exchange, AUTH with its initial response included (RFC 4954 §4: 12,288).
    public static let authLineOctets = 12_288
    /// Longest reply line that is sent.
    public static let replyLineOctets = 512
    /// Longest reply line that is read.
    public static let replyLineReadOctets = 4_096
    /// Most lines of one reply that are read.
    public static let replyLines = 100
    /// Longest local part. The 64 of RFC 5321 §4.5.3.1.1 is what everybody must take at least; VERP, SRS and reply
    /// tokens are longer, and the upstream decides.
    public static let localPartOctets = 1_024
    /// RFC 5321 §4.5.3.1.2.
    public static let domainOctets = 255
    /// Bad commands until 421.
    public static let badCommands = 20
    /// Refused credentials until 421.
    public static let refusedCredentials = 3
}

/// A body without its transfer encoding.
public struct DecodedBody: Sendable, Equatable {
    /// The content.
    public let bytes: [UInt8]
    /// Whether readers disagree on it, so that nobody may write it again: base64 with text behind its padding, with octets
    /// outside the alphabet, or cut off.
    ///
    /// Quoted-printable leaves no such doubt: everybody shows a `=` that starts nothing as it stands (RFC 2045 §6.7).
    public let isDoubtful: Bool

    init(bytes: [UInt8], isDoubtful: Bool = false) {
        self.bytes = bytes
        self.isDoubtful = isDoubtful
    }
}

extension MIMEPart {
    /// The body without its transfer encoding; `nil` where nobody knows that.
    ///
    /// An encoding that nobody obeys (`8-bit`, `utf-8`) over what every reader takes for ASCII hides nothing.
    public func decodedBody(in message: [UInt8]) -> DecodedBody? {
        switch transferEncoding {
        case .quotedPrintable: return DecodedBody(bytes: QuotedPrintable.decode(message, in: body).bytes)
        case .base64:
            let (bytes, defects) = Base64.decode(message, in: body)
            // Read back by other eyes than those that read it.
            let isSure = !defects.isDoubtful && Base64.holds(bytes, in: message, body)
            return DecodedBody(bytes: bytes, isDoubtful: !isSure)
        case .sevenBit, .eightBit, .binary: return DecodedBody(bytes: Array(message[body]))
        case .unknown:
            guard !namesForeignEncoding(in: message), !ByteSearch.hasHighOctets(message, in: body) else { return nil }
            let bytes = Array(message[body])
            return Charset.firstDoubt(in: bytes) == nil ? DecodedBody(bytes: bytes) : nil
        }
    }

    var hasIdentityEncoding: Bool {
        switch transferEncoding {
        case .sevenBit, .eightBit, .binary: true
        case .quotedPrintable, .base64, .unknown: false
        }
    }

    /// Whether an unknown label may be that of an encoding which some reader undoes: uuencode, BinHex, gzip64, a misspelt
    /// base64 or quoted-printable.
    private func namesForeignEncoding(in message: [UInt8]) -> Bool {
        let label = transferEncodingLabel(in: message).lowercased()
        return ["64", "uu", "quot", "print", "qp", "hex", "zip", "gz", "enc", "base", "compress", "deflate", "rot"]
            .contains { label.contains($0) }
    }
}

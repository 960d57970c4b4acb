import MailMessage

/// Writes and opens tokens: `base64url(version, key id, message id, recipient[, link, target], code)`.
///
/// Self-contained: a token opens with the key alone, whatever became of the database. The code covers the kind too, so a
/// click cannot be passed off as an open or the other way round.
public struct TokenCodec: Sendable {
    private let authenticators: [KeyID: any TokenAuthenticating]
    /// The key that signs new tokens.
    public let signingKey: KeyID

    /// A codec for a ring's keys.
    /// - Parameter authenticator: makes the authenticator of a secret.
    /// - Returns: `nil` when no key is active.
    public init?(ring: KeyRing, authenticator: ([UInt8]) -> any TokenAuthenticating) {
        guard let signing = ring.signing else { return nil }
        signingKey = signing.id
        var table: [KeyID: any TokenAuthenticating] = [:]
        for key in ring.keys where key.status != .revoked { table[key.id] = authenticator(key.secret) }
        authenticators = table
    }

    /// The token's text, or `nil` when the key is not there (revoked since the mail was accepted).
    public func encode(_ token: Token, key: KeyID) -> [UInt8]? {
        guard let authenticator = authenticators[key] else { return nil }
        var signed: [UInt8] = []
        signed.reserveCapacity(64)
        signed.append(token.kind.rawValue)
        signed.append(TokenLimits.version)
        signed.append(key)
        signed.append(contentsOf: token.message.bytes)
        Self.append(token.recipient, to: &signed)
        if case .click(let number, let target) = token.content {
            Self.append(number, to: &signed)
            signed.append(contentsOf: target)
        }
        let code = authenticator.authenticationCode(for: signed)
        signed.append(contentsOf: code.prefix(TokenLimits.codeOctets))
        // The kind is signed but stands in the path, not in the token.
        return Base64.encodeURL(Array(signed.dropFirst()))
    }

    /// Opens a token's text; `nil` for anything that one of the keys did not sign for this kind.
    public func open(_ text: some Collection<UInt8>, kind: TokenKind) -> (token: Token, key: KeyID)? {
        guard text.count <= TokenLimits.maximumTextOctets, let bytes = Base64.decodeURL(Array(text)) else { return nil }
        let fixed = 2 + TrackingMessageID.octetCount
        guard bytes.count > fixed + TokenLimits.codeOctets, bytes[0] == TokenLimits.version,
            let authenticator = authenticators[bytes[1]]
        else { return nil }
        let codeStart = bytes.count - TokenLimits.codeOctets
        let code = authenticator.authenticationCode(for: [kind.rawValue] + bytes[..<codeStart])
        guard Self.constantTimeEqual(bytes[codeStart...], code.prefix(TokenLimits.codeOctets)) else { return nil }
        guard let message = TrackingMessageID(bytes: Array(bytes[2..<fixed])) else { return nil }
        var rest = bytes[fixed..<codeStart]
        guard let recipient = Self.takeNumber(&rest) else { return nil }
        switch kind {
        case .open:
            guard rest.isEmpty else { return nil }
            return (Token(message: message, recipient: recipient, content: .open), bytes[1])
        case .click:
            guard let number = Self.takeNumber(&rest), !rest.isEmpty else { return nil }
            let content = Token.Content.click(number: number, target: Array(rest))
            return (Token(message: message, recipient: recipient, content: content), bytes[1])
        }
    }

    private static func constantTimeEqual(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for (one, other) in zip(left, right) { difference |= one ^ other }
        return difference == 0
    }

    /// Base-128 with the continuation bit on all octets but the last; at most four octets.
    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        var rest = UInt32(clamping: number) & 0x0FFF_FFFF
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Octets of a number in a token.
    static func octets(of number: Int) -> Int {
        var octets: [UInt8] = []
        append(number, to: &octets)
        return octets.count
    }

    private static func takeNumber(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        var number = 0
        for shift in stride(from: 0, to: 28, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            number |= Int(byte & 0x7F) << shift
            if byte < 0x80 { return number }
        }
        return nil
    }
}

/// Makes an authentication code of 32 octets (HMAC-SHA-256) with one secret key.
///
/// `Tracking` holds no cryptography: whoever composes the program brings it.
public protocol TokenAuthenticating: Sendable {
    /// The code for `bytes`, at least ``TokenLimits/codeOctets`` octets long.
    func authenticationCode(for bytes: [UInt8]) -> [UInt8]
}

import COpenSSL
import Synchronization

/// Passwords as PBKDF2-HMAC-SHA-256 (RFC 8018 §5.2): `pbkdf2-sha256$ITERATIONS$SALT$HASH`, salt and hash in hexadecimal.
public enum PasswordHash {
    private static let iterations: Int32 = 200_000

    /// A hash with a fresh salt.
    /// - Throws: ``TLSError/configuration(_:)`` where there is no randomness.
    public static func make(_ password: [UInt8]) throws(TLSError) -> String {
        let salt = try RandomBytes.make(16)
        return "pbkdf2-sha256$\(iterations)$\(hex(salt))$\(hex(derive(password, salt, iterations)))"
    }

    /// Whether the password fits; `false` too for a hash that cannot be read.
    public static func verify(_ password: [UInt8], against text: String) -> Bool {
        guard let (rounds, salt, expected) = parts(text) else { return false }
        let derived = derive(password, salt, rounds)
        return CRYPTO_memcmp(derived, expected, 32) == 0
    }

    /// Whether a text is a hash that some password could fit.
    public static func isOne(_ text: String) -> Bool { parts(text) != nil }

    private static func parts(_ text: String) -> (rounds: Int32, salt: [UInt8], expected: [UInt8])? {
        let fields = text.split(separator: "$", omittingEmptySubsequences: false)
        guard fields.count == 4, fields[0] == "pbkdf2-sha256", let rounds = Int32(fields[1]), 1...10_000_000 ~= rounds,
            let salt = octets(fields[2]), let expected = octets(fields[3]), expected.count == 32
        else { return nil }
        return (rounds, salt, expected)
    }

    private static func derive(_ password: [UInt8], _ salt: [UInt8], _ rounds: Int32) -> [UInt8] {
        var hash = [UInt8](repeating: 0, count: 32)
        _ = password.withUnsafeBytes { buffer in
            PKCS5_PBKDF2_HMAC(
                buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: buffer.count), salt,
                Int32(clamping: salt.count), rounds, EVP_sha256(), 32, &hash)
        }
        return hash
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func octets(_ text: Substring) -> [UInt8]? {
        let digits = Array(text)
        guard digits.count.isMultiple(of: 2) else { return nil }
        let bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...($0 + 1)]), radix: 16) }
        return bytes.contains(nil) ? nil : bytes.compactMap { $0 }
    }
}

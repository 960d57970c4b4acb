import COpenSSL
import Synchronization

/// HMAC-SHA-256 (RFC 2104) with one key, whose two first blocks are hashed once.
public final class HMACSHA256Key: Sendable {
    private let contexts: Mutex<Contexts>

    /// OpenSSL digest states; only ever touched under the lock.
    private final class Contexts: @unchecked Sendable {
        let inner: OpaquePointer
        let outer: OpaquePointer
        let scratch: OpaquePointer

        init?(_ key: [UInt8]) {
            guard let inner = EVP_MD_CTX_new(), let outer = EVP_MD_CTX_new(), let scratch = EVP_MD_CTX_new() else {
                return nil
            }
            self.inner = inner
            self.outer = outer
            self.scratch = scratch
            let block = key.count > 64 ? SHA256.digest(key) : key
            let padded = block + [UInt8](repeating: 0, count: 64 - block.count)
            for (context, pad) in [(inner, UInt8(0x36)), (outer, 0x5C)] {
                guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1,
                    EVP_DigestUpdate(context, padded.map { $0 ^ pad }, 64) == 1
                else { return nil }
            }
        }

        deinit {
            EVP_MD_CTX_free(inner)
            EVP_MD_CTX_free(outer)
            EVP_MD_CTX_free(scratch)
        }

        func code(_ bytes: [UInt8]) -> [UInt8] {
            var digest = [UInt8](repeating: 0, count: 32)
            EVP_MD_CTX_copy_ex(scratch, inner)
            EVP_DigestUpdate(scratch, bytes, bytes.count)
            EVP_DigestFinal_ex(scratch, &digest, nil)
            EVP_MD_CTX_copy_ex(scratch, outer)
            EVP_DigestUpdate(scratch, digest, 32)
            EVP_DigestFinal_ex(scratch, &digest, nil)
            return digest
        }
    }

    /// A key of any length.
    /// - Throws: ``TLSError/configuration(_:)`` where OpenSSL has no SHA-256 or no memory.
    public init(_ key: [UInt8]) throws(TLSError) {
        guard let contexts = Contexts(key) else { throw .configuration("OpenSSL gives no SHA-256") }
        self.contexts = Mutex(contexts)
    }

    /// The code, 32 octets.
    public func authenticationCode(for bytes: [UInt8]) -> [UInt8] { contexts.withLock { $0.code(bytes) } }
}

/// SHA-256 (FIPS 180-4).
public enum SHA256 {
    /// The digest, 32 octets.
    public static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil)
        return digest
    }
}

/// Octets from OpenSSL's generator.
public enum RandomBytes {
    /// Fresh octets, fit for keys.
    /// - Throws: ``TLSError/configuration(_:)`` where the generator has no entropy.
    public static func make(_ count: Int) throws(TLSError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_bytes(&bytes, Int32(clamping: count)) == 1 else {
            throw .configuration("no randomness: \(TLSError.queued().text)")
        }
        return bytes
    }
}

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
        let fields = text.split(separator: "$", omittingEmptySubsequences: false)
        guard fields.count == 4, fields[0] == "pbkdf2-sha256", let rounds = Int32(fields[1]), 1...10_000_000 ~= rounds,
            let salt = octets(fields[2]), let expected = octets(fields[3]), expected.count == 32
        else { return false }
        let derived = derive(password, salt, rounds)
        return CRYPTO_memcmp(derived, expected, 32) == 0
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

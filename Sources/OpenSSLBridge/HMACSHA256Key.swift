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

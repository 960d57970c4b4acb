import COpenSSL
import Synchronization

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

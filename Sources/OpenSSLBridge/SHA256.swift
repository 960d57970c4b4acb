import COpenSSL
import Synchronization

/// SHA-256 (FIPS 180-4).
public enum SHA256 {
    /// The digest, 32 octets.
    public static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil)
        return digest
    }
}

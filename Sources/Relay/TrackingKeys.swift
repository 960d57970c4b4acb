import Glibc
import OpenSSLBridge
public import Tracking

/// The key file on disk.
public enum TrackingKeys {
    /// Why keys cannot be had.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        /// What is wrong with which file.
        public let description: String
    }

    /// Reads the key file; makes it, with one key, where it is missing and `makesMissing` says so.
    /// - Throws: ``Failure``.
    public static func load(_ path: String, makesMissing: Bool) throws(Failure) -> KeyRing {
        guard let file = fopen(path, "re") else {
            guard errno == ENOENT, makesMissing else {
                throw Failure(description: "cannot read key file \(path): \(String(cString: strerror(errno)))")
            }
            var ring = KeyRing(keys: [])
            _ = try add(to: &ring)
            try save(ring, path)
            return ring
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        do {
            return try KeyRing(parsing: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw Failure(description: "\(path): \(error)")
        }
    }

    /// Adds a key that signs from now on.
    /// - Throws: ``Failure``.
    public static func add(to ring: inout KeyRing) throws(Failure) -> TrackingKey {
        do {
            let secret = try RandomBytes.make(KeyRing.secretOctets)
            if let key = ring.add(secret: secret, created: SystemClock.now() / 1_000) { return key }
        } catch {
            throw Failure(description: "\(error)")
        }
        throw Failure(description: "all 255 key numbers are taken")
    }

    /// Writes the key file, whole or not at all, readable by its owner only.
    /// - Throws: ``Failure``.
    public static func save(_ ring: KeyRing, _ path: String) throws(Failure) {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Failure(description: "cannot write \(temporary): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let bytes = Array(ring.fileText.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0, rename(temporary, path) == 0
        else {
            throw Failure(description: "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Keys as OpenSSL uses them.
    /// - Throws: ``Failure``.
    public static func codec(_ ring: KeyRing) throws(Failure) -> TokenCodec {
        var failure: (any Error)?
        let codec = TokenCodec(ring: ring) { secret in
            do {
                return Authenticator(key: try HMACSHA256Key(secret))
            } catch {
                failure = error
                return Authenticator(key: nil)
            }
        }
        if let failure { throw Failure(description: "\(failure)") }
        guard let codec else { throw Failure(description: "no tracking key is active") }
        return codec
    }

    private struct Authenticator: TokenAuthenticating {
        let key: HMACSHA256Key?

        /// Without a key nothing is signed and nothing verifies: the code is empty.
        func authenticationCode(for bytes: [UInt8]) -> [UInt8] { key?.authenticationCode(for: bytes) ?? [] }
    }
}

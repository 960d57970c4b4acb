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

    /// Reads the key file.
    /// - Throws: ``Failure``.
    public static func load(_ path: String) throws(Failure) -> KeyRing {
        do {
            return try parse(try SmallFile.read(path), path)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(description: "key file: \(error)")
        }
    }

    private static func parse(_ bytes: [UInt8], _ path: String) throws(Failure) -> KeyRing {
        do {
            return try KeyRing(parsing: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw Failure(description: "\(path): \(error)")
        }
    }

    /// Whether there is a key file, readable or not.
    public static func isThere(_ path: String) -> Bool {
        var facts = stat()
        return lstat(path, &facts) == 0 || errno != ENOENT && errno != ENOTDIR
    }

    /// What stands in a data directory that has been used: then mail may have gone out with keys. `nil` in a new one.
    public static func trace(ofUse directory: String) -> String? {
        ["queue.sqlite", "events.sqlite", "events.journal", "segments"].map { "\(directory)/\($0)" }.first(
            where: isThere)
    }

    /// Says whether a start would have keys; changes nothing.
    /// - Throws: ``Failure``.
    public static func check(_ path: String, dataDirectory: String) throws(Failure) {
        if isThere(path) {
            _ = try codec(try load(path))
        } else if let used = trace(ofUse: dataDirectory), !isThere(path) {
            throw missing(path, used)
        }
    }

    /// Keys for a start: those of the file; at the very first start the file is made.
    ///
    /// Whoever starts makes the file before the data directory is used: a second first start, at the same time, sees
    /// either nothing, and then the file that was made first counts for both, or the file.
    /// - Throws: ``Failure``, also where the file is missing and mail may have gone out with its keys.
    public static func loadForStart(_ path: String, dataDirectory: String) throws(Failure) -> KeyRing {
        if !isThere(path) {
            if let used = trace(ofUse: dataDirectory) {
                if !isThere(path) { throw missing(path, used) }
            } else {
                try make(path)
            }
        }
        return try load(path)
    }

    private static func missing(_ path: String, _ used: String) -> Failure {
        Failure(
            description:
                "key file \(path) is missing, and mail may have gone out with its keys (\(used) is there): put the "
                + "file back from your copy; where no link in delivered mail matters any more, make a new one with "
                + "`tracerelay key add --new-file`")
    }

    /// Makes a key file with one key where there is none; one that is there stays.
    /// - Throws: ``Failure``.
    public static func make(_ path: String) throws(Failure) {
        var ring = KeyRing(keys: [])
        _ = try add(to: &ring)
        do {
            _ = try SmallFile.create(path, Array(ring.fileText.utf8))
        } catch {
            throw Failure(description: "key file: \(error)")
        }
    }

    /// Changes the key file: whole or not at all, alone among all who change it, with owner and mode as they were.
    /// - Throws: ``Failure``, or what `body` throws.
    public static func change<Value>(_ path: String, _ body: (inout KeyRing) throws -> Value) throws -> Value {
        do {
            return try SmallFile.locked(path) {
                var ring = try load(path)
                let value = try body(&ring)
                try SmallFile.replace(path, Array(ring.fileText.utf8))
                return value
            }
        } catch let failure as SmallFile.Failure {
            throw Failure(description: "key file: \(failure)")
        }
    }

    /// Adds a key that signs from now on.
    /// - Throws: ``Failure``.
    @discardableResult
    public static func add(to ring: inout KeyRing) throws(Failure) -> TrackingKey {
        do {
            let secret = try RandomBytes.make(KeyRing.secretOctets)
            if let key = ring.add(secret: secret, created: SystemClock.now() / 1_000) { return key }
        } catch {
            throw Failure(description: "\(error)")
        }
        throw Failure(description: "all 255 key numbers are taken")
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

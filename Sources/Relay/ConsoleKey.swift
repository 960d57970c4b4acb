import Glibc
import OpenSSLBridge
import Tracking
public import TrackingWeb

/// The key of a console without password and token: whoever may read it in the data directory may enter.
public enum ConsoleKey {
    /// Why there is no key.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        /// What is wrong with which file, and how to mend it.
        public let description: String
    }

    private static let octets = 32

    /// Seconds since 1970, as tickets count them.
    public static func now() -> Int64 { SystemClock.now() / 1_000 }

    /// Seconds that a ticket is good for.
    public static let ticketTime = ConsoleAccess.ticketTime

    /// Where it is.
    public static func path(_ directory: String) -> String { directory + "/console-key" }

    /// Reads the key; a missing one is made, readable by its owner alone and synced, and then stays.
    /// - Throws: ``Failure``.
    public static func loadOrMake(_ directory: String) throws(Failure) -> ConsoleKeyText {
        if let key = try load(directory) { return key }
        try make(directory)
        guard let key = try load(directory) else {
            throw Failure(description: "\(path(directory)) was made and is gone; does something clean that directory?")
        }
        return key
    }

    /// Reads the key.
    /// - Returns: `nil` where none was made yet.
    /// - Throws: ``Failure``.
    public static func load(_ directory: String) throws(Failure) -> ConsoleKeyText? {
        guard let text = try read(directory) else { return nil }
        do {
            let code = try HMACSHA256Key(Array(text.utf8))
            return ConsoleKeyText(text) { code.authenticationCode(for: $0) }
        } catch {
            throw Failure(description: "\(error)")
        }
    }

    /// The key as people copy it.
    /// - Throws: ``Failure``.
    public static func read(_ directory: String) throws(Failure) -> String? {
        let path = path(directory)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw Failure(description: "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else {
            throw Failure(description: "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        let line = bytes.prefix(count).prefix { $0 != 0x0A && $0 != 0x0D }
        // A short one could be guessed: whatever stands there was not made here.
        guard line.count == octets * 2, line.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) else {
            throw Failure(
                description: "\(path) holds no key; remove it, and the next start of the service makes a new one")
        }
        return String(decoding: line, as: UTF8.self)
    }

    private static func make(_ directory: String) throws(Failure) {
        do {
            let digits = try RandomBytes.make(octets).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            // Of two first starts at once the second takes the first one's key.
            _ = try SmallFile.create(path(directory), Array((digits.joined() + "\n").utf8))
        } catch {
            throw Failure(description: "console key: \(error)")
        }
    }
}

/// The number of a tracking key, written into each token as one octet.
public typealias KeyID = UInt8

/// The tracking keys: the newest active one signs, all that are not revoked verify.
///
/// The key file is text, one key a line: `ID STATUS CREATED SECRET`, the secret as 64 hexadecimal digits. Losing a key
/// is the one way to break links that were sent, so nothing ever removes a line.
public struct KeyRing: Sendable, Equatable {
    /// Octets of a secret.
    public static let secretOctets = 32

    /// The keys in the order of the file.
    public private(set) var keys: [TrackingKey]

    /// A ring of these keys.
    public init(keys: [TrackingKey]) { self.keys = keys }

    /// The key that signs: the last active one.
    public var signing: TrackingKey? { keys.last { $0.status == .active } }

    /// Adds a key with the next free number, which signs from now on.
    /// - Returns: the new key, or `nil` when all 256 numbers are taken.
    public mutating func add(secret: [UInt8], created: Int64) -> TrackingKey? {
        let next = (keys.map { Int($0.id) }.max() ?? 0) + 1
        guard let id = KeyID(exactly: next) else { return nil }
        let key = TrackingKey(id: id, secret: secret, created: created, status: .active)
        keys.append(key)
        return key
    }

    /// Changes what may be done with a key; `false` when there is none of that number.
    public mutating func set(_ status: TrackingKey.Status, for id: KeyID) -> Bool {
        guard let index = keys.firstIndex(where: { $0.id == id }) else { return false }
        keys[index].status = status
        return true
    }

    /// Reads a key file.
    /// - Throws: ``KeyFileDefect`` naming the first line that cannot be read.
    public init(parsing text: String) throws(KeyFileDefect) {
        keys = []
        for line in TextLines.entries(text.utf8) {
            let key = try Self.parseKey(line.words, line: line.number)
            guard !keys.contains(where: { $0.id == key.id }) else {
                throw KeyFileDefect(
                    line: line.number, reason: "key \(key.id) stands twice; restore the file from a copy")
            }
            keys.append(key)
        }
        guard signing != nil else {
            throw KeyFileDefect(line: 0, reason: "no active key in the file; make one with `tracerelay key add`")
        }
    }

    private static func parseKey(_ words: [String], line: Int) throws(KeyFileDefect) -> TrackingKey {
        guard words.count == 4 else {
            throw KeyFileDefect(line: line, reason: "expected `ID STATUS CREATED SECRET`, found \(words.count) words")
        }
        guard let id = KeyID(words[0]) else {
            throw KeyFileDefect(line: line, reason: "the key number must be 0 to 255")
        }
        guard let status = TrackingKey.Status(rawValue: String(words[1])) else {
            throw KeyFileDefect(line: line, reason: "the status must be active, retired or revoked")
        }
        guard let created = Int64(words[2]) else {
            throw KeyFileDefect(line: line, reason: "the time of creation must be seconds since 1970")
        }
        let digits = Array(words[3])
        guard digits.count == secretOctets * 2 else {
            throw KeyFileDefect(line: line, reason: "the secret must be \(secretOctets * 2) hexadecimal digits")
        }
        var secret: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let octet = UInt8(String(digits[index...index + 1]), radix: 16) else {
                throw KeyFileDefect(line: line, reason: "the secret must be \(secretOctets * 2) hexadecimal digits")
            }
            secret.append(octet)
        }
        return TrackingKey(id: id, secret: secret, created: created, status: status)
    }

    /// The key file's text.
    public var fileText: String {
        var text = """
            # Tracking keys of tracerelay. Keep this file secret, and keep a copy: a link in a delivered mail works only
            # as long as the key that signed it stands here. Change it with `tracerelay key`, never by hand.
            # ID STATUS CREATED SECRET

            """
        for key in keys {
            let digits = key.secret.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            text += "\(key.id) \(key.status.rawValue) \(key.created) \(digits)\n"
        }
        return text
    }
}

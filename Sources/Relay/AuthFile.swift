import OpenSSLBridge
import RelayConfiguration
import Tracking

/// Names and password hashes: `NAME:HASH` a line.
enum AuthFile {
    /// - Returns: the users and their hashes.
    /// - Throws: ``StartFailure``.
    static func read(_ path: String) throws -> [String: String] {
        let octets: [UInt8]
        do {
            octets = try SmallFile.read(path)
        } catch {
            throw StartFailure("auth-file: \(error)", exitCode: 78)
        }
        var users: [String: String] = [:]
        for line in TextLines.entries(octets) {
            guard let colon = line.text.utf8.lastIndex(of: UInt8(ascii: ":")), colon > line.text.startIndex,
                PasswordHash.isOne(String(line.text[colon...].dropFirst()))
            else {
                throw StartFailure(
                    "\(path):\(line.number):1: expected NAME:HASH; make the line with `tracerelay password NAME`",
                    exitCode: 78)
            }
            let name = String(line.text[..<colon])
            guard users.updateValue(String(line.text[colon...].dropFirst()), forKey: name) == nil else {
                throw StartFailure(
                    "\(path):\(line.number):1: \(name) stands twice; which of the passwords counts?", exitCode: 78)
            }
        }
        guard !users.isEmpty else {
            throw StartFailure(
                "auth-file: \(path) names nobody; add a line with `tracerelay password NAME`", exitCode: 78)
        }
        return users
    }
}

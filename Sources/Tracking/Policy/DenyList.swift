/// Recipients who are never tracked: an address per line, or its SHA-256 in hexadecimal (of the address in lower case).
public struct DenyList: Sendable {
    private var entries: Set<String> = []
    private let digest: @Sendable ([UInt8]) -> [UInt8]

    /// A list that denies nobody.
    public init() { digest = { _ in [] } }

    /// Reads a file's text; empty lines and lines that begin with `#` say nothing.
    /// - Parameter digest: SHA-256.
    /// - Throws: ``BlockList/Defect`` where a line is neither, since whoever was meant by it would be tracked.
    public init(parsing text: String, digest: @escaping @Sendable ([UInt8]) -> [UInt8]) throws(BlockList.Defect) {
        self.digest = digest
        for line in TextLines.entries(text.utf8) {
            let entry = line.text.lowercased()
            guard Self.isAddress(entry) || entry.utf8.count == 64 && entry.utf8.allSatisfy(Self.isHexadecimal) else {
                throw BlockList.Defect(
                    line: line.number,
                    message: "expected an address such as ann@example.com, or its SHA-256 as 64 digits")
            }
            entries.insert(entry)
        }
    }

    private static func isHexadecimal(_ octet: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= octet || UInt8(ascii: "a")...UInt8(ascii: "f") ~= octet
    }

    /// Loose: a quoted local part may hold blanks. Angle brackets, NULs of UTF-16 and octets that are no UTF-8 are none.
    private static func isAddress(_ text: String) -> Bool {
        guard let at = text.utf8.lastIndex(of: UInt8(ascii: "@")), at > text.startIndex else { return false }
        let domain = text[at...].utf8.dropFirst()
        // One address a line; only a quoted local part holds blanks and commas.
        let isPlain = text.utf8.first != UInt8(ascii: "\"")
        if isPlain, text.utf8.contains(where: { $0 == 0x20 || $0 == 0x09 || $0 == UInt8(ascii: ",") }) { return false }
        return !domain.isEmpty && domain.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: ">") && $0 != UInt8(ascii: ",") }
            && text.utf8.first != UInt8(ascii: "<")
            && !text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F || $0.value == 0xFFFD }
    }

    /// Whether an address is on it.
    public func contains(_ address: String) -> Bool {
        guard !entries.isEmpty else { return false }
        let address = address.lowercased()
        if entries.contains(address) { return true }
        let digits = Array("0123456789abcdef".utf8)
        let hexadecimal = digest(Array(address.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return entries.contains(String(decoding: hexadecimal, as: UTF8.self))
    }
}

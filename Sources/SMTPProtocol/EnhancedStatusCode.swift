/// A class, subject and detail code (RFC 3463 §2), such as `5.1.3`.
public struct EnhancedStatusCode: Sendable, Hashable, CustomStringConvertible {
    /// 2, 4 or 5.
    public let statusClass: Int
    /// 0–999.
    public let subject: Int
    /// 0–999.
    public let detail: Int

    /// A code of literal numbers.
    public init(_ statusClass: Int, _ subject: Int, _ detail: Int) {
        self.statusClass = statusClass
        self.subject = subject
        self.detail = detail
    }

    /// Reads `5.1.3`; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false).map { part in
            part.utf8.count <= 3 && part.utf8.allSatisfy { 0x30...0x39 ~= $0 } ? Int(part) : nil
        }
        guard numbers.count == 3, let first = numbers[0], let second = numbers[1], let third = numbers[2],
            [2, 4, 5].contains(first)
        else { return nil }
        self.init(first, second, third)
    }

    /// `5.1.3`.
    public var description: String { "\(statusClass).\(subject).\(detail)" }
}

/// Name of a tag: 1–128 of letters, digits, `_`, `-`.
public struct TagName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The name.
    public let description: String

    /// Takes a name; `nil` where it is empty, too long or holds another character.
    public init?(_ text: String) {
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard allowed, 1...128 ~= text.utf8.count else { return nil }
        description = text
    }

    /// By octets.
    public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}

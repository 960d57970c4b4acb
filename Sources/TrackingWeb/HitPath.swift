/// Where in a request's target a pixel's or link's token stands, and what of it is one.
///
/// Mail passes through programs that take a full stop or a bracket into a link, or write its characters as `%2D`. The
/// code in a token proves it whole, so what stands behind it may be anything that no token holds.
enum HitPath {
    /// Longest run of `-` and `_` behind a token that is taken for what somebody set around the link.
    private static let maximumTail = 4

    /// The kind and token of a target in origin or absolute form (RFC 9112 §3.2).
    static func parse(_ target: String, _ prefixes: [String]) -> (kind: HitKind, token: Substring.UTF8View)? {
        let form = origin(target[...]) ?? target[...]
        let path = form[
            ..<(form.utf8.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? form.endIndex)]
        guard path.utf8.contains(UInt8(ascii: "%")) else { return find(path, prefixes) }
        return find(plain(path)[...], prefixes)
    }

    private static func find(_ path: Substring, _ prefixes: [String]) -> (kind: HitKind, token: Substring.UTF8View)? {
        let path = path.utf8
        for prefix in prefixes where path.starts(with: prefix.utf8) {
            let rest = path.dropFirst(prefix.utf8.count)
            if rest.starts(with: "/o/".utf8) { return (.pixel, token(rest.dropFirst(3))) }
            if rest.starts(with: "/c/".utf8) { return (.link, token(rest.dropFirst(3))) }
        }
        return nil
    }

    private static func token(_ text: Substring.UTF8View) -> Substring.UTF8View { text.prefix(while: isTokenOctet) }

    /// What may be the token where the whole of `text` is none: `_https://…_` is how some people write emphasis.
    static func withoutTail(_ text: Substring.UTF8View) -> Substring.UTF8View? {
        var rest = text
        for _ in 0..<maximumTail {
            guard let last = rest.last, last == UInt8(ascii: "-") || last == UInt8(ascii: "_") else { break }
            rest = rest.dropLast()
        }
        return rest.count < text.count ? rest : nil
    }

    /// The target in origin form, where it is in absolute form (RFC 9112 §3.2.2).
    static func origin(_ target: Substring) -> Substring? {
        split(target).map(\.path)
    }

    /// Authority and the rest of a target in absolute form; the rest begins with `/`, or is empty.
    static func split(_ target: Substring) -> (authority: Substring, path: Substring)? {
        let octets = target.utf8
        guard octets.first != UInt8(ascii: "/") else { return nil }
        for scheme in ["http://", "https://"] {
            guard octets.count > scheme.utf8.count,
                zip(octets, scheme.utf8).allSatisfy({ $0 == $1 || $0 | 0x20 == $1 })
            else { continue }
            let rest = target[octets.index(octets.startIndex, offsetBy: scheme.utf8.count)...]
            let end = rest.utf8.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
            return (rest[..<end], rest[end...])
        }
        return nil
    }

    /// A path whose unreserved characters stand for themselves, which is the same path (RFC 3986 §6.2.2.2).
    private static func plain(_ path: Substring) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(path.utf8.count)
        var rest = path.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), let value = hexadecimal(rest.prefix(2)),
                isTokenOctet(value) || value == UInt8(ascii: ".")
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ digits: Substring.UTF8View) -> UInt8? {
        guard digits.count == 2 else { return nil }
        var value: UInt8 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | (digit & 0x0F)
            case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
                value = value << 4 | ((digit & 0x0F) + 9)
            default: return nil
            }
        }
        return value
    }

    /// The alphabet of RFC 4648 §5.
    private static func isTokenOctet(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

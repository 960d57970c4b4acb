/// The host of an `http` or `https` URL, as a browser asks for it (WHATWG URL, host parsing).
public enum URLHost: Sendable, Equatable {
    /// A name in lower case; characters beyond ASCII stay as they are.
    case domain([UInt8])
    /// An IPv4 address, however it was written: `127.1` and `0x7f.1` are `127.0.0.1`.
    case version4(IPAddress)
    /// An IPv6 literal by its 16 octets.
    case version6([UInt8])

    /// Reads a host; `nil` where a browser takes none.
    init?(_ written: ArraySlice<UInt8>) {
        if let name = Self.plainName(written) {
            self = .domain(name)
            return
        }
        if written.first == UInt8(ascii: "[") {
            guard written.count > 2, written.last == UInt8(ascii: "]"),
                let octets = Self.octets6(written.dropFirst().dropLast())
            else { return nil }
            self = .version6(octets)
            return
        }
        guard let name = Self.mapped(Self.percentDecoded(written)), !name.isEmpty,
            !name.contains(where: Self.isForbidden)
        else { return nil }
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard Self.endsInNumber(labels) else {
            guard labels.allSatisfy(Self.canStand) else { return nil }
            self = .domain(name)
            return
        }
        guard let address = Self.address4(labels) else { return nil }
        self = .version4(address)
    }

    /// The host in lower case; an IPv6 literal in its brackets.
    var serialized: [UInt8] {
        switch self {
        case .domain(let name): name
        case .version4(let address): Array(address.description.utf8)
        case .version6(let octets): Array("[\(Self.text6(octets))]".utf8)
        }
    }

    private static func text6(_ octets: [UInt8]) -> String {
        guard let address = IPAddress(octets: octets) else { return "" }
        // A mapped one would read as the IPv4 address it holds.
        guard address.octets.count == 4 else { return address.description }
        let groups = [12, 14].map { String(Int(octets[$0]) << 8 | Int(octets[$0 + 1]), radix: 16) }
        return "::ffff:\(groups[0]):\(groups[1])"
    }

    // MARK: Names

    /// Nearly every host: ASCII letters, digits, hyphens and underscores in labels of which none is Punycode and the last
    /// one begins like no number. One pass finds it, and the rules below would change nothing but its case.
    private static func plainName(_ written: ArraySlice<UInt8>) -> [UInt8]? {
        var name: [UInt8] = []
        name.reserveCapacity(written.count)
        var label = 0
        var mayBePunycode = false
        for byte in written {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                name.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): name.append(byte | 0x20)
            case UInt8(ascii: "-"):
                // Of "xn--" the fourth octet.
                if name.count - label == 3 { mayBePunycode = true }
                name.append(byte)
            case UInt8(ascii: "."):
                guard 1...63 ~= name.count - label else { return nil }
                name.append(byte)
                label = name.count
            default: return nil
            }
        }
        guard !mayBePunycode, 1...63 ~= name.count - label, digit(name[label], radix: 10) == nil else { return nil }
        return name
    }

    private static func percentDecoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        guard text.contains(UInt8(ascii: "%")) else { return Array(text) }
        var result: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == UInt8(ascii: "%"), index + 2 < text.endIndex,
                let high = digit(text[index + 1], radix: 16), let low = digit(text[index + 2], radix: 16)
            {
                result.append(UInt8(high << 4 | low))
                index += 3
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    /// Lower case, and what IDNA (UTS 46) makes of full-width forms and ideographic full stops; `nil` for what no name can
    /// hold, and for enclosed, raised and mathematical letters and digits: to IDNA those are others, so that the name may be
    /// an address, or a local one.
    private static func mapped(_ name: [UInt8]) -> [UInt8]? {
        guard name.contains(where: { $0 >= 0x80 }) else {
            return name.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
        }
        guard let text = String(validating: name, as: UTF8.self) else { return nil }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x3002, 0xFF0E, 0xFF61: result.append(".")
            case 0xAD, 0x200B, 0x2060, 0xFE00...0xFE0F, 0xFEFF: continue
            case 0xFF01...0xFF5E:
                guard let narrow = Unicode.Scalar(scalar.value - 0xFEE0) else { return nil }
                result.append(narrow.properties.lowercaseMapping)
            case 0xAA, 0xB2, 0xB3, 0xB9, 0xBA, 0x2B0...0x2B8, 0x2E0...0x2E4, 0x1D2C...0x1D6A, 0x1D9B...0x1DBF,
                0x2070...0x209F, 0x2100...0x218F, 0x2460...0x24FF, 0x3200...0x33FF, 0x1D400...0x1D7FF,
                0x1F100...0x1F1FF, 0x1FBF0...0x1FBF9, 0xFFFD:
                return nil
            // They stand for several dots, for blanks with a mark, or for what no host holds.
            case 0x2017, 0x2024...0x2026, 0x203C...0x203E, 0x2047...0x2049, 0x2A74...0x2A76, 0xFE10...0xFE1F,
                0xFE30...0xFE6F:
                return nil
            default:
                guard !isUnassigned(scalar) else { return nil }
                result.append(scalar.properties.lowercaseMapping)
            }
        }
        return Array(result.utf8)
    }

    /// What no name can hold (UTS 46: disallowed).
    private static func isUnassigned(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator,
            .modifierSymbol:
            scalar.value >= 0x80
        default: false
        }
    }

    /// Forbidden domain code points.
    private static func isForbidden(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, 0x7F, UInt8(ascii: "#"), UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "<"),
            UInt8(ascii: ">"), UInt8(ascii: "?"), UInt8(ascii: "@"), UInt8(ascii: "["), UInt8(ascii: "\\"),
            UInt8(ascii: "]"), UInt8(ascii: "^"), UInt8(ascii: "|"), UInt8(ascii: "%"):
            true
        default: false
        }
    }

    /// No name server knows longer labels (RFC 1035 §2.3.4); `xn--` without Punycode behind it is refused (UTS 46).
    private static func canStand(_ label: ArraySlice<UInt8>) -> Bool {
        // IDNA: no label starts with a mark.
        switch String(decoding: label.prefix(4), as: UTF8.self).unicodeScalars.first?.properties.generalCategory {
        case .nonspacingMark?, .spacingMark?, .enclosingMark?: return false
        default: break
        }
        guard label.starts(with: "xn--".utf8) else { return label.count <= (label.contains { $0 >= 0x80 } ? 252 : 63) }
        return 5...63 ~= label.count && label.last != UInt8(ascii: "-") && !label.contains { $0 >= 0x80 }
    }

    // MARK: IPv4

    private static func endsInNumber(_ labels: [ArraySlice<UInt8>]) -> Bool {
        var labels = labels[...]
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        guard let last = labels.last, !last.isEmpty else { return false }
        return last.allSatisfy { digit($0, radix: 10) != nil } || number(last) != nil
    }

    private static func address4(_ labels: [ArraySlice<UInt8>]) -> IPAddress? {
        var labels = labels[...]
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        let numbers = labels.compactMap(number)
        guard 1...4 ~= numbers.count, numbers.count == labels.count, let last = numbers.last,
            numbers.dropLast().allSatisfy({ $0 <= 255 }), last < 1 << (8 * (5 - numbers.count))
        else { return nil }
        var value = last
        for (index, number) in numbers.dropLast().enumerated() { value += number << (8 * (3 - index)) }
        return IPAddress(octets: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) })
    }

    /// Decimal, octal with a `0` in front, hexadecimal with `0x`; at most 2³² and more is more.
    private static func number(_ text: ArraySlice<UInt8>) -> Int? {
        guard !text.isEmpty else { return nil }
        var rest = text
        var radix = 10
        if text.count > 1, text.first == UInt8(ascii: "0") {
            rest = text.dropFirst()
            radix = 8
            if rest.first == UInt8(ascii: "x") {
                rest = rest.dropFirst()
                radix = 16
            }
        }
        var value = 0
        for byte in rest {
            guard let digit = digit(byte, radix: radix) else { return nil }
            value = min(value * radix + digit, 1 << 33)
        }
        return value
    }

    private static func digit(_ byte: UInt8, radix: Int) -> Int? {
        let value: Int
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): value = Int(byte - UInt8(ascii: "A")) + 10
        default: return nil
        }
        return value < radix ? value : nil
    }

    // MARK: IPv6

    /// WHATWG URL, IPv6 parser.
    private static func octets6(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count <= 45, text.allSatisfy({ digit($0, radix: 16) != nil || $0 == 0x3A || $0 == 0x2E }) else {
            return nil
        }
        let groups = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        // "::" leaves one empty group in the middle, two at an end.
        let empty = groups.indices.filter { groups[$0].isEmpty }
        var gap: Int?
        switch empty.count {
        case 0: break
        case 1 where 0 < empty[0] && empty[0] < groups.count - 1: gap = empty[0]
        case 2 where groups.count > 2 && (empty == [0, 1] || empty == [groups.count - 2, groups.count - 1]):
            gap = empty[1]
        case 3 where groups.count == 3: gap = 1
        default: return nil
        }
        var front: [UInt8] = []
        var back: [UInt8] = []
        for index in groups.indices where !groups[index].isEmpty {
            guard let octets = octets(groups[index], mayBeVersion4: index == groups.count - 1) else { return nil }
            if let gap, index > gap { back += octets } else { front += octets }
        }
        let missing = 16 - front.count - back.count
        guard gap == nil ? missing == 0 : missing >= 2 else { return nil }
        return front + [UInt8](repeating: 0, count: missing) + back
    }

    private static func octets(_ group: ArraySlice<UInt8>, mayBeVersion4: Bool) -> [UInt8]? {
        guard group.contains(UInt8(ascii: ".")) else {
            guard group.count <= 4 else { return nil }
            let value = group.reduce(0) { $0 << 4 | (digit($1, radix: 16) ?? 0) }
            return [UInt8(value >> 8), UInt8(value & 255)]
        }
        let parts = group.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard mayBeVersion4, parts.count == 4 else { return nil }
        let octets = parts.compactMap { part -> UInt8? in
            guard 1...3 ~= part.count, part.count == 1 || part.first != UInt8(ascii: "0"),
                part.allSatisfy({ digit($0, radix: 10) != nil })
            else { return nil }
            return UInt8(exactly: part.reduce(0) { $0 * 10 + (digit($1, radix: 10) ?? 0) })
        }
        return octets.count == 4 ? octets : nil
    }
}

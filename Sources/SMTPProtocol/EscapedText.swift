/// Text from a peer, made fit for a log, a database or a terminal.
public enum EscapedText {
    /// Octets kept of one text.
    public static let defaultLimit = 512

    /// Control characters, DEL and octets that are not UTF-8 become `\xNN`; what exceeds `limit` octets becomes `…`.
    public static func escape(_ bytes: some Sequence<UInt8>, limit: Int = defaultLimit) -> String {
        var kept: [UInt8] = []
        var isCut = false
        for byte in bytes {
            if kept.count == limit {
                isCut = true
                break
            }
            kept.append(byte)
        }
        if isCut {
            // Not in the middle of a character.
            while let last = kept.last, last & 0xC0 == 0x80 { kept.removeLast() }
            if let last = kept.last, last >= 0xC0 { kept.removeLast() }
        }
        if kept.allSatisfy({ 0x20...0x7E ~= $0 && $0 != 0x5C }) {
            return String(decoding: kept, as: UTF8.self) + (isCut ? "…" : "")
        }
        var result = ""
        if let text = String(validating: kept, as: UTF8.self) {
            for scalar in text.unicodeScalars { append(scalar, to: &result) }
        } else {
            for byte in kept {
                if 0x20...0x7E ~= byte {
                    append(Unicode.Scalar(byte), to: &result)
                } else {
                    append(hex: byte, to: &result)
                }
            }
        }
        return result + (isCut ? "…" : "")
    }

    private static func append(_ scalar: Unicode.Scalar, to result: inout String) {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            for byte in String(Character(scalar)).utf8 { append(hex: byte, to: &result) }
        default: result.unicodeScalars.append(scalar)
        }
    }

    private static func append(hex byte: UInt8, to result: inout String) {
        result += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}

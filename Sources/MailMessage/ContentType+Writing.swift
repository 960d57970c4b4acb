/// A Content-Type written anew, by the grammar (RFC 2045 §5.1, RFC 2231).
extension ContentType {
    /// The field's body with this charset and all other parameters; comments and words that are no parameter go.
    func written(charset: String) -> [UInt8] {
        let others = parameters.filter { $0.name != "charset" }.flatMap(Self.pieces)
        return Array(([" \(type)/\(subtype); charset=\(charset)"] + others).joined(separator: ";\r\n\t").utf8)
    }

    /// Whether a field body, read again, has this charset and all other parameters as they are here.
    func isRead(in body: [UInt8], with charset: String) -> Bool {
        guard let new = try? ContentType(body, in: body.indices, limits: .afterEdits) else { return false }
        return new.is(type, subtype) && new.parameter("charset") == charset && new.others == others
    }

    /// Names and values of all parameters but the charset.
    private var others: [[String]] {
        parameters.filter { $0.name != "charset" }.map { [$0.name, $0.value] }
    }

    /// A parameter as a quoted string; where that cannot carry the value, or not in one line, in pieces of RFC 2231.
    private static func pieces(_ parameter: Parameter) -> [String] {
        let value = parameter.value
        // `=?` would be read as an encoded word.
        let isPlain = value.utf8.allSatisfy { 0x20..<0x7F ~= $0 } && !value.contains("=?")
        if isPlain, value.utf8.count <= 200 {
            let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            return ["\(parameter.name)=\"\(escaped)\""]
        }
        let octets = value.utf8.map { octet in
            let isSafe = ASCII.isTokenByte(octet) && !"*'%".utf8.contains(octet)
            let digits = String(octet, radix: 16, uppercase: true)
            return isSafe ? String(UnicodeScalar(octet)) : digits.count == 1 ? "%0\(digits)" : "%\(digits)"
        }
        guard octets.count > 60 else { return ["\(parameter.name)*=utf-8''\(octets.joined())"] }
        return stride(from: 0, to: octets.count, by: 60).enumerated().map { number, start in
            let piece = octets[start..<min(start + 60, octets.count)].joined()
            return "\(parameter.name)*\(number)*=\(number == 0 ? "utf-8''" : "")\(piece)"
        }
    }
}

import MailMessage

/// The value of the `X-AliDM-Trace` field: base64 of a JSON object (§1 of the contract).
public enum TraceHeader {
    /// The field's name.
    public static let name = "X-AliDM-Trace"
    /// Longest field body that is looked at.
    public static let maximumOctets = 16 << 10

    /// Reads a field body in every form seen in the wild: folded, with blanks inside, wrapped without a leading blank,
    /// URL-safe, unpadded, as RFC 2047 encoded words; JSON compact, spaced or pretty-printed.
    public static func parse(_ body: [UInt8]) -> Result<TraceRequest, TraceDefect> {
        guard body.count <= maximumOctets else { return .failure(.tooLong) }
        var text = body
        if text.contains(UInt8(ascii: "?")) {
            // Encoded words are separated by blanks, which the decoder needs; folding is dropped first.
            text = EncodedWord.decode(text.filter { $0 != 0x0D && $0 != 0x0A })
        }
        text.removeAll { $0 <= 0x20 }
        while text.last == UInt8(ascii: "=") { text.removeLast() }
        guard !text.isEmpty else { return .failure(.empty) }
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: "+"): text[index] = UInt8(ascii: "-")
            case UInt8(ascii: "/"): text[index] = UInt8(ascii: "_")
            default: continue
            }
        }
        guard let json = decode(text) else { return .failure(.notBase64) }
        return read(json)
    }

    /// QUIRK: some encoders leave stray bits in the last character, which the strict decoder refuses.
    private static func decode(_ text: [UInt8]) -> [UInt8]? {
        if let json = Base64.decodeURL(text) { return json }
        let standard = text.map {
            $0 == UInt8(ascii: "-") ? UInt8(ascii: "+") : $0 == UInt8(ascii: "_") ? UInt8(ascii: "/") : $0
        }
        let (bytes, defects) = Base64.decode(standard, in: standard.indices)
        return !defects.isDoubtful && !bytes.isEmpty ? bytes : nil
    }

    private static func read(_ json: [UInt8]) -> Result<TraceRequest, TraceDefect> {
        var reader = TraceJSON(json)
        let members: [(name: String, value: TraceJSON.Value)]
        do {
            members = try reader.object()
        } catch {
            return .failure(.notJSON(offset: error.offset))
        }
        var warnings: [String] = []
        var values: [String: TraceJSON.Value] = [:]
        for member in members {
            if values.updateValue(member.value, forKey: member.name) != nil {
                warnings.append("\(member.name.prefix(32)) stands twice: the last one counts")
            }
            if !["TagName", "OpenTrace", "LinkTrace"].contains(member.name) {
                warnings.append("unknown key \(member.name.prefix(32))")
            }
        }
        guard case .string(let tag)? = values["TagName"] else { return .failure(.noTagName) }
        do {
            let opens = try flag("OpenTrace", values["OpenTrace"], &warnings)
            let clicks = try flag("LinkTrace", values["LinkTrace"], &warnings)
            return .success(TraceRequest(tagName: tag, opens: opens, clicks: clicks, warnings: warnings))
        } catch {
            return .failure(error)
        }
    }

    private static func flag(
        _ name: String, _ value: TraceJSON.Value?, _ warnings: inout [String]
    ) throws(TraceDefect) -> Bool {
        switch value {
        case nil, .null: return false
        case .string("1"): return true
        case .string("0"), .string(""): return false
        case .string("true"), .literal("1"), .literal("true"):
            warnings.append("\(name) is on, but should be the string \"1\"")
            return true
        case .string("false"), .literal("0"), .literal("false"):
            warnings.append("\(name) is off, but should be the string \"0\"")
            return false
        case .string, .literal: throw .badFlag(name)
        }
    }

    /// The value as Direct Mail wants it: compact JSON, padded base64, one line.
    public static func encode(_ request: TraceRequest) -> [UInt8] {
        let json =
            "{\"TagName\":\(quoted(request.tagName)),\"OpenTrace\":\"\(request.opens ? 1 : 0)\","
            + "\"LinkTrace\":\"\(request.clicks ? 1 : 0)\"}"
        return Base64.encode(Array(json.utf8), lineLength: nil)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// Adds a policy's `utm` parameters to a link's target.
enum CampaignParameters {
    /// The URL with each parameter that its query does not name yet, in front of the fragment.
    static func appended(_ parameters: [CampaignParameter], to url: [UInt8]) -> [UInt8] {
        guard !parameters.isEmpty else { return url }
        let fragment = url.firstIndex(of: UInt8(ascii: "#")) ?? url.endIndex
        let question = url[..<fragment].firstIndex(of: UInt8(ascii: "?"))
        let present = question.map { names(in: url[($0 + 1)..<fragment]) } ?? []
        var result = Array(url[..<fragment])
        var separator = question == nil ? UInt8(ascii: "?") : UInt8(ascii: "&")
        if let question, question + 1 == fragment { separator = 0 }
        for parameter in parameters where !present.contains(Array(parameter.name.utf8)) {
            if separator != 0 { result.append(separator) }
            separator = UInt8(ascii: "&")
            percentEncode(parameter.name, into: &result)
            result.append(UInt8(ascii: "="))
            percentEncode(parameter.value, into: &result)
        }
        return result + url[fragment...]
    }

    private static func names(in query: ArraySlice<UInt8>) -> Set<[UInt8]> {
        Set(query.split(separator: UInt8(ascii: "&")).map { Array($0.prefix { $0 != UInt8(ascii: "=") }) })
    }

    /// RFC 3986 §2.1: everything but unreserved characters.
    private static func percentEncode(_ text: String, into bytes: inout [UInt8]) {
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
    }
}

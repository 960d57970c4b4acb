/// Fields that describe a body octet by octet, and are wrong once it changes.
extension MIMEPart {
    /// Content-MD5 (RFC 1864), digests (RFC 9530, RFC 3230), and counts of octets or lines.
    public static let bodyFields: Set<String> = [
        "content-md5", "content-length", "content-digest", "repr-digest", "digest", "lines",
    ]

    /// Removals of what describes the old body: the fields of ``bodyFields``, and the `size` of a Content-Disposition
    /// (RFC 2183 §2.7). A relay may not make new digests (RFC 1864 §2).
    public func splicesRemovingBodyFields(in message: [UInt8]) -> [Splice] {
        var splices = header.fields.filter { Self.bodyFields.contains($0.lowercasedName(in: message)) }
            .map { Splice(range: $0.whole, replacement: []) }
        guard let field = dispositionField else { return splices }
        for parameter in disposition?.parameters ?? [] where parameter.name == "size" {
            for range in [parameter.range] + parameter.otherRanges {
                splices.append(
                    Splice(range: Self.withSemicolon(range, field.body, message), replacement: []))
            }
        }
        return splices
    }
}

extension MIMETree {
    /// ``MIMEPart/splicesRemovingBodyFields(in:)`` of the parts given by their indexes and of every part around them.
    public func splicesRemovingBodyFields(ofChanged changed: some Sequence<Int>, in message: [UInt8]) -> [Splice] {
        var affected: Set<Int> = []
        for index in changed {
            var next: Int? = index
            while let part = next, affected.insert(part).inserted { next = parts[part].parent }
        }
        return affected.sorted().flatMap { parts[$0].splicesRemovingBodyFields(in: message) }
    }
}

extension HeaderField {
    /// The name in lower case, for look-ups; at most 64 octets of it.
    public func lowercasedName(in message: [UInt8]) -> String {
        String(decoding: message[name].prefix(64).map(ASCII.lowercased), as: UTF8.self)
    }
}

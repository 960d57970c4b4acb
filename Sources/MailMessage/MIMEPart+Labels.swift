/// Edits of a part's labels; field order, folding and other parameters stay as they are.
extension MIMEPart {
    /// Edits that label the part's new content.
    /// - Parameters:
    ///   - charset: the new charset, `nil` to leave what stands (or does not stand) there.
    ///   - encoding: the new Content-Transfer-Encoding.
    public func splicesLabelling(charset: String?, encoding: String, in message: [UInt8]) -> [Splice] {
        var splices: [Splice] = []
        if let charset { splices += labelCharset(charset, in: message) }
        if let field = transferEncodingField {
            splices.append(Self.replacingBody(of: field, with: encoding, in: message))
        } else {
            // Both insertions may share a place; the order of the list is the order of the fields.
            let place = contentTypeField?.whole.upperBound ?? header.range.upperBound
            splices.append(Self.insertingField("Content-Transfer-Encoding: \(encoding)", at: place))
        }
        for name in ["Content-Transfer-Encoding", "Content-Type"] {
            for duplicate in header.all(name, in: message).dropFirst() {
                splices.append(Splice(range: duplicate.whole, replacement: []))
            }
        }
        return splices
    }

    /// The Content-Transfer-Encoding as the mail has it, for people: at most 40 octets; `7bit` where none stands.
    public func transferEncodingLabel(in message: [UInt8]) -> String {
        guard let field = transferEncodingField else { return TransferEncoding.sevenBit.rawValue }
        return String(decoding: HeaderSection.unfolded(field.body, in: message).prefix(40), as: UTF8.self)
    }

    /// Replaces the illegal encoding labels of a multipart (RFC 2045 §6.4); empty where there is none.
    public func splicesNeutralisingEncodingLabel(in message: [UInt8]) -> [Splice] {
        // A multipart in which no part was found is a leaf: its label may be the truth.
        guard !children.isEmpty, defects.contains(.illegalEncodingOnMultipart), let field = transferEncodingField
        else { return [] }
        let isEightBit = ByteSearch.hasHighOctets(message, in: body)
        let duplicates = header.all("Content-Transfer-Encoding", in: message).dropFirst()
        return [Self.replacingBody(of: field, with: isEightBit ? "8bit" : "7bit", in: message)]
            + duplicates.map { Splice(range: $0.whole, replacement: []) }
    }

    private func labelCharset(_ charset: String, in message: [UInt8]) -> [Splice] {
        guard let field = contentTypeField, let mediaTypeEnd = contentType.mediaTypeEnd else {
            let text = "Content-Type: \(contentType.type)/\(contentType.subtype); charset=\(charset)"
            guard let field = contentTypeField else {
                return [Self.insertingField(text, at: header.range.upperBound)]
            }
            return [Splice(range: field.whole, replacement: Array("\(text)\r\n".utf8))]
        }
        guard let old = contentType.parameters.first(where: { $0.name == "charset" }) else {
            return [Splice(range: mediaTypeEnd..<mediaTypeEnd, replacement: Array("; charset=\(charset)".utf8))]
        }
        // QUIRK (RFC 2045 §5.1): without its semicolon strict readers do not see the parameter, nor perhaps the type.
        let before = message[mediaTypeEnd..<old.range.lowerBound].allSatisfy(ASCII.isWhiteSpace)
        if before {
            return [Splice(range: mediaTypeEnd..<old.range.upperBound, replacement: Array("; charset=\(charset)".utf8))]
        }
        let first =
            old.isPlain
            ? Splice(range: old.valueRange, replacement: Array(charset.utf8))
            : Splice(range: old.range, replacement: Array("charset=\(charset)".utf8))
        // Further pieces (RFC 2231 §3) and second opinions would contradict it.
        return [first]
            + old.otherRanges.map { Splice(range: Self.withSemicolon($0, field.body, message), replacement: []) }
    }

    /// A parameter with the semicolon in front of it, where nothing but white space stands between them.
    private static func withSemicolon(_ parameter: Range<Int>, _ body: Range<Int>, _ message: [UInt8]) -> Range<Int> {
        var start = parameter.lowerBound
        while start > body.lowerBound, ASCII.isWhiteSpace(message[start - 1]) { start -= 1 }
        guard start > body.lowerBound, message[start - 1] == UInt8(ascii: ";") else { return parameter }
        return (start - 1)..<parameter.upperBound
    }

    private static func replacingBody(of field: HeaderField, with text: String, in message: [UInt8]) -> Splice {
        Splice(range: field.body, replacement: Array(" \(text)".utf8))
    }

    private static func insertingField(_ text: String, at place: Int) -> Splice {
        Splice(range: place..<place, replacement: Array("\(text)\r\n".utf8))
    }
}

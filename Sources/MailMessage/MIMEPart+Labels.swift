/// Edits of a part's labels; field order, folding and other parameters stay as they are.
extension MIMEPart {
    /// Edits that label the part's new content.
    /// - Parameters:
    ///   - charset: the new charset, `nil` to leave what stands (or does not stand) there.
    ///   - encoding: the new Content-Transfer-Encoding.
    public func splicesLabelling(charset: String?, encoding: String, in message: [UInt8]) -> [Splice] {
        var splices: [Splice] = []
        if let charset { splices.append(labelCharset(charset, in: message)) }
        if let field = transferEncodingField {
            splices.append(Self.replacingBody(of: field, with: encoding, in: message))
        } else {
            // Both insertions may share a place; the order of the list is the order of the fields.
            let place = contentTypeField?.whole.upperBound ?? header.range.upperBound
            splices.append(Self.insertingField("Content-Transfer-Encoding: \(encoding)", at: place, in: message))
        }
        for name in ["Content-Transfer-Encoding", "Content-Type"] {
            for duplicate in header.all(name, in: message).dropFirst() {
                splices.append(Splice(range: duplicate.whole, replacement: []))
            }
        }
        return splices
    }

    /// Replaces an illegal encoding label of a multipart (RFC 2045 §6.4); `nil` where there is none.
    public func spliceNeutralisingEncodingLabel(in message: [UInt8]) -> Splice? {
        guard defects.contains(.illegalEncodingOnMultipart), let field = transferEncodingField else { return nil }
        let isEightBit = message[body].contains { $0 >= 0x80 }
        return Self.replacingBody(of: field, with: isEightBit ? "8bit" : "7bit", in: message)
    }

    private func labelCharset(_ charset: String, in message: [UInt8]) -> Splice {
        guard let field = contentTypeField, let mediaTypeEnd = contentType.mediaTypeEnd else {
            let text = "Content-Type: \(contentType.type)/\(contentType.subtype); charset=\(charset)"
            guard let field = contentTypeField else {
                return Self.insertingField(text, at: header.range.upperBound, in: message)
            }
            return Splice(range: field.whole, replacement: Array("\(text)\r\n".utf8))
        }
        guard let old = contentType.parameters.first(where: { $0.name == "charset" }) else {
            return Splice(range: mediaTypeEnd..<mediaTypeEnd, replacement: Array("; charset=\(charset)".utf8))
        }
        if old.isPlain { return Splice(range: old.valueRange, replacement: Array(charset.utf8)) }
        // An RFC 2231 form: the field is written anew from what was read; its pieces may lie anywhere.
        var text = "Content-Type: \(contentType.type)/\(contentType.subtype); charset=\(charset)"
        for parameter in contentType.parameters where parameter.name != "charset" {
            text += ";\r\n " + String(decoding: message[parameter.range], as: UTF8.self)
        }
        return Splice(range: field.whole, replacement: Array("\(text)\r\n".utf8))
    }

    private static func replacingBody(of field: HeaderField, with text: String, in message: [UInt8]) -> Splice {
        Splice(range: field.body, replacement: Array(" \(text)".utf8))
    }

    /// A new field; a header whose last line has no end gets one first.
    private static func insertingField(_ text: String, at place: Int, in message: [UInt8]) -> Splice {
        let needsLineEnd = place > 0 && message[place - 1] != ASCII.lf && place == message.count
        return Splice(range: place..<place, replacement: Array("\(needsLineEnd ? "\r\n" : "")\(text)\r\n".utf8))
    }
}

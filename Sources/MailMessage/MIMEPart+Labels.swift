/// Edits of a part's labels; field order, folding and other parameters stay as they are.
extension MIMEPart {
    /// Edits that label the part's new content.
    /// - Parameters:
    ///   - charset: the new charset, `nil` to leave what stands (or does not stand) there.
    ///   - encoding: the new Content-Transfer-Encoding.
    public func splicesLabelling(charset: String?, encoding: String, in message: [UInt8]) -> [Splice] {
        var splices: [Splice] = []
        if let charset { splices += charsetSplices(charset, in: message) }
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

    /// The smallest edit that names the charset, where that reads back; else the field is written anew.
    ///
    /// QUIRK (RFC 2045 §5.1): beside a bare word `charset`, quotes without an end or a comment in a value no small edit
    /// is read alike by everybody.
    private func charsetSplices(_ charset: String, in message: [UInt8]) -> [Splice] {
        let splices = labelCharset(charset, in: message)
        guard let body = contentTypeField?.body, contentType.mediaTypeEnd != nil else { return splices }
        let isReadBack =
            Self.edited(body, by: splices, in: message).map {
                Self.names(charset, inContentType: $0) && contentType.isRead(in: $0, with: charset)
            } ?? false
        return isReadBack ? splices : [Splice(range: body, replacement: contentType.written(charset: charset))]
    }

    /// A field's body with edits made inside it; `nil` where they collide.
    private static func edited(_ body: Range<Int>, by splices: [Splice], in message: [UInt8]) -> [UInt8]? {
        var list = SpliceList()
        do {
            for splice in splices {
                let range = (splice.range.lowerBound - body.lowerBound)..<(splice.range.upperBound - body.lowerBound)
                try list.add(Splice(range: range, replacement: splice.replacement))
            }
        } catch {
            return nil
        }
        return list.applied(to: Array(message[body]))
    }

    private func labelCharset(_ charset: String, in message: [UInt8]) -> [Splice] {
        guard let field = contentTypeField, let mediaTypeEnd = contentType.mediaTypeEnd else {
            let text = "Content-Type: \(contentType.type)/\(contentType.subtype); charset=\(charset)"
            guard let field = contentTypeField else {
                return [Self.insertingField(text, at: header.range.upperBound)]
            }
            return [Splice(range: field.whole, replacement: Array("\(text)\r\n".utf8))]
        }
        // Words that are no parameter may follow the media type: strict readers need a semicolon there too.
        let next = ParameterParser.skippingFiller(message, mediaTypeEnd..<field.body.upperBound)
        let isBare = next < field.body.upperBound && message[next] != UInt8(ascii: ";")
        guard let old = contentType.parameters.first(where: { $0.name == "charset" }) else {
            let text = "; charset=\(charset)\(isBare ? ";" : "")"
            return [Splice(range: mediaTypeEnd..<mediaTypeEnd, replacement: Array(text.utf8))]
        }
        let (front, end, behind) = Self.separation(of: old, in: message, mediaTypeEnd..<field.body.upperBound)
        let first: Splice
        if message[mediaTypeEnd..<old.range.lowerBound].allSatisfy(ASCII.isWhiteSpace) {
            // QUIRK (RFC 2045 §5.1): without its semicolon strict readers do not see the parameter, nor perhaps the type.
            first = Splice(range: mediaTypeEnd..<end, replacement: Array("; charset=\(charset)\(behind)".utf8))
        } else if old.isPlain, front.isEmpty {
            first = Splice(range: old.valueRange.lowerBound..<end, replacement: Array("\(charset)\(behind)".utf8))
        } else {
            first = Splice(
                range: old.range.lowerBound..<end, replacement: Array("\(front)charset=\(charset)\(behind)".utf8))
        }
        // Further pieces (RFC 2231 §3) and second opinions would contradict it.
        let start =
            isBare && next < old.range.lowerBound
            ? [Splice(range: mediaTypeEnd..<mediaTypeEnd, replacement: [UInt8(ascii: ";")])] : []
        return start + [first]
            + old.otherRanges.map { Splice(range: Self.withSemicolon($0, field.body, message), replacement: []) }
    }

    /// The semicolons that a parameter lacks in front of it and behind it, and where what belongs to it ends.
    ///
    /// QUIRK (RFC 2045 §5.1): behind `charset="utf-8"format=flowed` strict readers see no charset, and `""utf-8""` is none.
    private static func separation(
        of parameter: Parameter, in message: [UInt8], _ list: Range<Int>
    ) -> (front: String, end: Int, behind: String) {
        var start = parameter.range.lowerBound
        while start > list.lowerBound, ASCII.isWhiteSpace(message[start - 1]) { start -= 1 }
        let isSeparated =
            start > list.lowerBound && [UInt8(ascii: ";"), UInt8(ascii: ")")].contains(message[start - 1])
        let value = parameter.range.upperBound
        var end = value
        while end < list.upperBound, !ASCII.isWhiteSpace(message[end]), message[end] != UInt8(ascii: ";"),
            message[end] != UInt8(ascii: "(")
        {
            end += 1
        }
        // What has a name is another parameter.
        if message[value..<end].contains(UInt8(ascii: "=")) { end = value }
        let next = ParameterParser.skippingFiller(message, end..<list.upperBound)
        let isFollowed = next < list.upperBound && message[next] != UInt8(ascii: ";")
        let isOwn = parameter.otherRanges.contains { $0.lowerBound == next }
        return (isSeparated ? "" : "; ", end, isFollowed && !isOwn ? ";" : "")
    }

    /// A parameter with the semicolon in front of it, where nothing but white space stands between them.
    static func withSemicolon(_ parameter: Range<Int>, _ body: Range<Int>, _ message: [UInt8]) -> Range<Int> {
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

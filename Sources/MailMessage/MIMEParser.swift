/// The scan behind ``MIMETree/parse(_:limits:)``.
struct MIMEParser {
    private struct OpenMultipart {
        let part: Int
        let boundary: [UInt8]
        let isDigest: Bool
    }

    private let message: [UInt8]
    private let limits: MIMELimits
    private var parts: [MIMEPart] = []
    /// Multiparts around the position, outermost first.
    private var open: [OpenMultipart] = []
    private var levels: [[UInt8]: Int] = [:]
    /// The part whose body is being read: a leaf, or a multipart in its preamble or epilogue.
    private var leaf: Int?

    init(_ message: [UInt8], limits: MIMELimits) {
        self.message = message
        self.limits = limits
    }

    mutating func run() throws(MIMELimitExceeded) -> [MIMEPart] {
        var position = try startPart(at: 0)
        while position < message.count, !open.isEmpty {
            // Nothing but a delimiter ends a body, and that starts with dashes.
            guard message[position] == UInt8(ascii: "-") else {
                position = Line(at: position, in: message, before: message.count).end
                continue
            }
            let line = Line(at: position, in: message, before: message.count)
            if let delimiter = delimiter(line.content) {
                end(level: delimiter.level, before: position, closed: delimiter.isClosing)
                position = delimiter.isClosing ? line.end : try startPart(at: line.end)
            } else {
                position = line.end
            }
        }
        end(level: -1, before: nil, closed: false)
        return parts
    }

    /// The innermost open multipart whose delimiter the line is (RFC 2046 §5.1.1), trailing blanks allowed.
    private func delimiter(_ line: Range<Int>) -> (level: Int, isClosing: Bool)? {
        guard !open.isEmpty, line.count >= 3, message[line.lowerBound] == UInt8(ascii: "-"),
            message[line.lowerBound + 1] == UInt8(ascii: "-"), line.count <= limits.boundary + 1_000
        else { return nil }
        var rest = message[(line.lowerBound + 2)..<line.upperBound]
        while let last = rest.last, ASCII.isBlank(last) { rest.removeLast() }
        guard rest.count <= limits.boundary + 2 else { return nil }
        if let level = levels[Array(rest)] { return (level, false) }
        guard rest.count > 2, rest.suffix(2).elementsEqual("--".utf8) else { return nil }
        return levels[Array(rest.dropLast(2))].map { ($0, true) }
    }

    /// Ends everything inside the multipart of that level, and with its closing delimiter the multipart's own parts.
    private mutating func end(level: Int, before delimiter: Int?, closed: Bool) {
        let bodyEnd = delimiter.map(lineEndBefore) ?? message.count
        if let leaf {
            parts[leaf].touchesDelimiter = bodyEnd < parts[leaf].body.lowerBound
            parts[leaf].body = parts[leaf].body.lowerBound..<max(parts[leaf].body.lowerBound, bodyEnd)
            self.leaf = nil
        }
        while open.count - 1 > level, let inner = open.popLast() {
            levels[inner.boundary] = nil
            parts[inner.part].body = parts[inner.part].body.lowerBound..<max(parts[inner.part].body.lowerBound, bodyEnd)
            parts[inner.part].defects.append(.missingFinalBoundary)
        }
        guard closed, let finished = open.popLast() else { return }
        levels[finished.boundary] = nil
        // What follows up to the next delimiter around it is the epilogue, part of the multipart's body.
        leaf = finished.part
    }

    /// The line end in front of a delimiter belongs to the delimiter.
    private func lineEndBefore(_ position: Int) -> Int {
        guard position > 0, message[position - 1] == ASCII.lf else { return position }
        return position > 1 && message[position - 2] == ASCII.cr ? position - 2 : position - 1
    }

    /// Reads a part's header and opens it.
    /// - Returns: where its body starts.
    private mutating func startPart(at position: Int) throws(MIMELimitExceeded) -> Int {
        guard parts.count < limits.parts else { throw .parts(limit: limits.parts) }
        let header: HeaderSection
        do {
            header = try HeaderSection.parse(
                message, in: position..<headerLimit(from: position), limits: limits.header,
                looseBase64Continuation: parts.isEmpty ? ["X-AliDM-Trace"] : [])
        } catch {
            throw .header(error)
        }
        let index = parts.count
        let parent = open.last
        var part = try describe(index: index, parent: parent, header: header)
        if part.contentType.isMultipart {
            try openMultipart(&part)
        }
        if let parent { parts[parent.part].children.append(index) }
        parts.append(part)
        leaf = open.last?.part == index ? nil : index
        return header.bodyStart
    }

    /// A header cannot reach beyond a delimiter of the multiparts around it.
    private func headerLimit(from position: Int) -> Int {
        guard !open.isEmpty else { return message.count }
        var start = position
        while start < message.count {
            let line = Line(at: start, in: message, before: message.count)
            if line.content.isEmpty { return message.count }
            if delimiter(line.content) != nil { return start }
            start = line.end
        }
        return message.count
    }

    private mutating func openMultipart(_ part: inout MIMEPart) throws(MIMELimitExceeded) {
        guard let text = part.contentType.parameter("boundary"), !text.isEmpty else {
            part.defects.append(.missingBoundary)
            return
        }
        var boundary = Array(text.utf8)
        while let last = boundary.last, ASCII.isBlank(last) { boundary.removeLast() }
        guard boundary.count <= limits.boundary else { throw .boundary(limit: limits.boundary) }
        guard levels[boundary] == nil else {
            part.defects.append(.clashingBoundary)
            return
        }
        guard open.count < limits.depth else { throw .depth(limit: limits.depth) }
        levels[boundary] = open.count
        open.append(.init(part: part.index, boundary: boundary, isDigest: part.contentType.subtype == "digest"))
    }

    private func describe(index: Int, parent: OpenMultipart?, header: HeaderSection) throws(MIMELimitExceeded)
        -> MIMEPart
    {
        var defects = header.defects.map(MIMEDefect.header)
        func single(_ name: String) -> HeaderField? {
            let all = header.all(name, in: message)
            if all.count > 1 { defects.append(.duplicateField(name)) }
            return all.first
        }
        let typeField = single("Content-Type")
        let encodingField = single("Content-Transfer-Encoding")
        let dispositionField = single("Content-Disposition")
        var type: ContentType?
        if let typeField { type = try ContentType(message, in: typeField.body, limits: limits) }
        var disposition: ContentDisposition?
        if let dispositionField {
            disposition = try ContentDisposition(message, in: dispositionField.body, limits: limits)
        }
        if typeField != nil, type == nil { defects.append(.malformedContentType) }
        let contentType = type ?? (parent?.isDigest == true && typeField == nil ? .messageRFC822 : .textPlain)
        var encoding = Self.encoding(encodingField, in: message)
        if contentType.isMultipart {
            switch encoding {
            case .sevenBit, .eightBit, .binary: break
            case .quotedPrintable, .base64, .unknown:
                defects.append(.illegalEncodingOnMultipart)
                encoding = .binary
            }
        }
        return MIMEPart(
            index: index, parent: parent?.part, depth: open.count, header: header,
            body: header.bodyStart..<message.count, contentType: contentType, contentTypeField: typeField,
            transferEncoding: encoding, transferEncodingField: encodingField, dispositionField: dispositionField,
            disposition: disposition, defects: defects)
    }

    private static func encoding(_ field: HeaderField?, in message: [UInt8]) -> TransferEncoding {
        guard let field else { return .sevenBit }
        let start = ParameterParser.skippingFiller(message, field.body)
        let word = message[start..<field.body.upperBound].prefix(while: ASCII.isTokenByte)
        return TransferEncoding(rawValue: String(decoding: word.map(ASCII.lowercased), as: UTF8.self)) ?? .unknown
    }
}

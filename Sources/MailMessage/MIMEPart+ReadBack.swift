/// Labels read again by other eyes than those that wrote them: by the grammar alone, without the kindness of
/// ``ParameterParser``.
extension MIMEPart {
    /// Whether every reader finds these labels.
    /// - Parameters:
    ///   - charset: the only charset that may stand there; `nil` for whatever stands there.
    ///   - encoding: the only Content-Transfer-Encoding.
    public func isLabelled(charset: String?, encoding: String, in message: [UInt8]) -> Bool {
        let encodings = header.all("Content-Transfer-Encoding", in: message)
        guard encodings.count == 1, ASCII.equals(ASCII.trimmed(message[encodings[0].body]), encoding) else {
            return false
        }
        guard let charset else { return true }
        let types = header.all("Content-Type", in: message)
        return types.count == 1 && Self.names(charset, inContentType: Array(message[types[0].body]))
    }

    /// Whether the body of a Content-Type names this charset, and no other, to every reader.
    static func names(_ charset: String, inContentType body: [UInt8]) -> Bool {
        var segments = segments(HeaderSection.unfolded(body.indices, in: body))
        let media = segments.removeFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard media.count == 2, media.allSatisfy({ isToken(ASCII.trimmed($0)) }) else { return false }
        // White space around the sign is against the grammar and in everybody's mail.
        let pairs = segments.map { segment in
            segment.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                .map(ASCII.trimmed)
        }
        let found = pairs.filter { ASCII.equals($0[0], "charset") || ASCII.equals($0[0].prefix(8), "charset*") }
        return found.count == 1 && found[0].count == 2 && ASCII.equals(found[0][0], "charset")
            && ASCII.equals(found[0][1], charset)
    }

    private static func isToken(_ octets: ArraySlice<UInt8>) -> Bool {
        !octets.isEmpty && octets.allSatisfy(ASCII.isTokenByte)
    }

    /// What stands between semicolons, trimmed, without comments; a field has at least one segment.
    private static func segments(_ field: [UInt8]) -> [[UInt8]] {
        var segments: [[UInt8]] = [[]]
        var isQuoted = false
        var depth = 0
        var index = 0
        while index < field.count {
            let octet = field[index]
            var piece = [octet]
            if octet == UInt8(ascii: "\\"), isQuoted || depth > 0, index + 1 < field.count {
                piece.append(field[index + 1])
                index += 1
            }
            index += 1
            if octet == UInt8(ascii: "\""), depth == 0 { isQuoted.toggle() }
            if !isQuoted, octet == UInt8(ascii: "(") { depth += 1 }
            if !isQuoted, depth == 0, octet == UInt8(ascii: ";") {
                segments.append([])
            } else if depth == 0 {
                segments[segments.count - 1] += piece
            }
            if !isQuoted, depth > 0, octet == UInt8(ascii: ")") { depth -= 1 }
        }
        return segments.map { Array(ASCII.trimmed($0[...])) }
    }
}

/// Edits of a decoded text, made in the octets it came from.
extension Charset {
    /// Whether ``splicing(_:into:)`` knows how: the standard's own charsets, but not UTF-16, whose line ends are no octets.
    public var canSplice: Bool {
        switch coding {
        case .utf8, .singleByte, .gb18030, .gbk, .big5, .eucKR, .eucJP, .shiftJIS, .iso2022JP: true
        case .utf16, .iconv, .plain: false
        }
    }

    /// The octets with edits made in them: all that stands outside the edits stays as it is, octet for octet.
    /// - Parameters:
    ///   - edits: by the offsets of what ``decodeToUTF8(_:)`` made of the octets; in UTF-8.
    ///   - octets: text in this charset.
    /// - Returns: `nil` where an edit does not stand between two characters, or has characters that the charset has not.
    public func splicing(_ edits: SpliceList, into octets: [UInt8]) -> [UInt8]? {
        if isUTF8 || Self.hasUTF8Mark(octets) {
            let mark = Self.hasUTF8Mark(octets) ? 3 : 0
            var moved = SpliceList()
            for splice in edits.splices {
                let range = splice.range.lowerBound + mark..<splice.range.upperBound + mark
                guard (try? moved.add(Splice(range: range, replacement: splice.replacement))) != nil else { return nil }
            }
            return moved.applied(to: octets)
        }
        switch coding {
        case .utf8, .utf16, .iconv, .plain: return nil
        case .singleByte(let codePoints): return splice(edits, octets, SingleByteDecoder(codePoints: codePoints))
        case .gb18030, .gbk: return splice(edits, octets, GB18030Decoder())
        case .big5: return splice(edits, octets, TwoByteDecoder(.big5))
        case .eucKR: return splice(edits, octets, TwoByteDecoder(.eucKR))
        case .shiftJIS: return splice(edits, octets, TwoByteDecoder(.shiftJIS))
        case .eucJP: return splice(edits, octets, EUCJPDecoder())
        case .iso2022JP: return splice(edits, octets, ISO2022JPDecoder())
        }
    }

    private func splice(_ edits: SpliceList, _ octets: [UInt8], _ decoder: some CharacterDecoder) -> [UInt8]? {
        octets.withUnsafeBufferPointer { source in
            var walk = Walk(decoder)
            let initial = decoder.designation
            var written = initial
            var result: [UInt8] = []
            result.reserveCapacity(edits.resultCount(originalCount: octets.count) + 16)
            /// What stands from the last edit to the walk's place, in the state it was written in.
            func keep(from start: Int, in designation: [UInt8], to end: Int) {
                guard start < end else { return }
                // An escape right behind another one is an error to browsers.
                if written != designation, source[start] != 0x1B { result += designation }
                result += source[start..<end]
                written = walk.decoder.designation
            }
            var start = 0
            var designation = initial
            for splice in edits.splices {
                guard walk.advance(to: splice.range.lowerBound, in: source) else { return nil }
                keep(from: start, in: designation, to: walk.index)
                guard walk.advance(to: splice.range.upperBound, in: source) else { return nil }
                start = walk.index
                designation = walk.decoder.designation
                guard !splice.replacement.isEmpty else { continue }
                guard let replacement = try? encodeFromUTF8(splice.replacement) else { return nil }
                if written != initial { result += initial }
                result += replacement
                written = initial
            }
            guard walk.advance(to: nil, in: source) else { return nil }
            keep(from: start, in: designation, to: source.count)
            return result
        }
    }
}

/// A place in a text, in octets and in octets of its UTF-8.
private struct Walk<Decoder: CharacterDecoder> {
    var decoder: Decoder
    private(set) var index = 0
    private var offset = 0

    init(_ decoder: Decoder) { self.decoder = decoder }

    /// Goes on to right behind the character that ends at an offset; to the end for `nil`.
    /// - Returns: whether there is such a place.
    mutating func advance(to target: Int?, in octets: UnsafeBufferPointer<UInt8>) -> Bool {
        while target.map({ offset < $0 }) ?? (index < octets.count) {
            guard index < octets.count else { return false }
            if Decoder.hasPlainASCII, octets[index] < 0x80 {
                index += 1
                offset += 1
                continue
            }
            let found = decoder.next(octets, &index)
            if found == Decoded.malformed { return false }
            if found == Decoded.nothing { continue }
            offset += Transcoder.octets(of: found & 0x1F_FFFF)
            if found >> 21 != 0 { offset += Transcoder.octets(of: found >> 21) }
        }
        return target.map { offset == $0 } ?? true
    }
}

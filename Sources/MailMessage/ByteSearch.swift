import Glibc

/// Searches and compares by runs (memchr, memcmp). With the encodings and charsets, the code of this room that
/// walks memory by pointers.
public enum ByteSearch {
    /// The first `byte` in a range of `bytes`, found by memchr.
    public static func firstIndex(of byte: UInt8, in bytes: [UInt8], _ range: Range<Int>) -> Int? {
        bytes.withUnsafeBufferPointer { buffer in
            let range = range.clamped(to: buffer.indices)
            guard let base = buffer.baseAddress, !range.isEmpty,
                let found = memchr(base + range.lowerBound, Int32(byte), range.count)
            else { return nil }
            return UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }

    /// How many octets at the start of `bytes` are whole lines that SMTP carries as they are: ended by CRLF, no lone CR or
    /// LF in them, no dot in front (RFC 5321 §4.5.2).
    public static func plainLines(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            var line = 0
            while line < buffer.count, base[line] != UInt8(ascii: "."),
                let found = memchr(base + line, 0x0A, buffer.count - line)
            {
                let lineFeed = UnsafeRawPointer(found) - UnsafeRawPointer(base)
                guard lineFeed > line, base[lineFeed - 1] == ASCII.cr,
                    memchr(base + line, 0x0D, lineFeed - 1 - line) == nil
                else { break }
                line = lineFeed + 1
            }
            return line
        }
    }

    /// Where `word` stands first from `start` on.
    public static func firstIndex(of word: StaticString, in bytes: [UInt8], from start: Int = 0) -> Int? {
        word.withUTF8Buffer { firstIndex(of: UnsafeRawBufferPointer($0), in: bytes, from: start) }
    }

    /// Where `word` stands first from `start` on.
    public static func firstIndex(of word: [UInt8], in bytes: [UInt8], from start: Int = 0) -> Int? {
        word.withUnsafeBytes { firstIndex(of: $0, in: bytes, from: start) }
    }

    private static func firstIndex(of word: UnsafeRawBufferPointer, in bytes: [UInt8], from start: Int) -> Int? {
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, let first = word.first, let wordStart = word.baseAddress,
                0...buffer.count ~= start
            else { return nil }
            var index = start
            while word.count <= buffer.count - index,
                let found = memchr(base + index, Int32(first), buffer.count - word.count - index + 1)
            {
                index = UnsafeRawPointer(found) - base
                if memcmp(found, wordStart, word.count) == 0 { return index }
                index += 1
            }
            return nil
        }
    }

    /// Whether two ranges hold the same octets.
    public static func equal(_ left: [UInt8], _ range: Range<Int>, _ right: [UInt8], _ other: Range<Int>) -> Bool {
        left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                guard range.count == other.count, range.lowerBound >= 0, range.upperBound <= left.count,
                    other.lowerBound >= 0, other.upperBound <= right.count
                else {
                    return false
                }
                guard !range.isEmpty, let one = left.baseAddress, let two = right.baseAddress else { return true }
                return memcmp(one + range.lowerBound, two + other.lowerBound, range.count) == 0
            }
        }
    }

    /// Whether `written` is `text` with a CR put in front of each LF that had none.
    public static func equal(_ written: [UInt8], withHardBreaks text: [UInt8]) -> Bool {
        var position = 0
        var start = 0
        while start < text.count {
            let lineFeed = firstIndex(of: ASCII.lf, in: text, start..<text.count)
            let end = lineFeed ?? text.count
            guard equal(text, start..<end, written, position..<position + end - start) else { return false }
            position += end - start
            guard let lineFeed else { break }
            if lineFeed == 0 || text[lineFeed - 1] != ASCII.cr {
                guard position < written.count, written[position] == ASCII.cr else { return false }
                position += 1
            }
            guard position < written.count, written[position] == ASCII.lf else { return false }
            position += 1
            start = lineFeed + 1
        }
        return position == written.count
    }

    /// Whether a range of `bytes` holds an octet of 0x80 or more.
    public static func hasHighOctets(_ bytes: [UInt8], in range: Range<Int>) -> Bool {
        firstHighOctet(bytes, range) != nil
    }

    /// The first octet of 0x80 or more, eight at a time.
    static func firstHighOctet(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        bytes.withUnsafeBytes { buffer in
            let range = range.clamped(to: buffer.indices)
            var index = range.lowerBound
            while index + 8 <= range.upperBound,
                buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                index += 8
            }
            while index < range.upperBound {
                if buffer[index] >= 0x80 { return index }
                index += 1
            }
            return nil
        }
    }

    /// Bytes written into memory whose size is known to be enough; the array has what `body` says it wrote.
    static func array(
        capacity: Int, from source: [UInt8],
        _ body: (UnsafeBufferPointer<UInt8>, inout UnsafeMutablePointer<UInt8>) -> Void
    ) -> [UInt8] {
        source.withUnsafeBufferPointer { source in
            [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                guard let base = buffer.baseAddress else { return }
                var output = base
                body(source, &output)
                count = output - base
            }
        }
    }
}

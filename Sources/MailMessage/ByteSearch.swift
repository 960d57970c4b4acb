import Glibc

/// Searches and copies by runs: the one place of this room that walks memory by pointers. Every range is clamped first.
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

    /// Whether `word`, which is short, stands anywhere in `bytes`.
    public static func contains(_ word: StaticString, in bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { buffer in
            guard var next = buffer.baseAddress else { return false }
            let count = word.utf8CodeUnitCount
            let last = next + (buffer.count - count)
            while next <= last, let found = memchr(next, Int32(word.utf8Start[0]), last - next + 1) {
                if memcmp(found, word.utf8Start, count) == 0 { return true }
                next = UnsafeRawPointer(found) + 1
            }
            return false
        }
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

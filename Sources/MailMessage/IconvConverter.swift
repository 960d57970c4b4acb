import CIconv
import Glibc

/// One conversion through the system's iconv: the only place of this room that holds a C pointer.
struct IconvConverter: ~Copyable {
    private let descriptor: iconv_t

    /// Opens a conversion; `nil` when iconv does not know one of the names.
    init?(from: String, to: String) {
        let opened = iconv_open(to, from)
        guard opened != iconv_t(bitPattern: -1) else { return nil }
        guard let opened else { return nil }
        descriptor = opened
    }

    deinit { iconv_close(descriptor) }

    /// Converts all of `bytes` and the closing shift sequence.
    /// - Throws: ``CharsetError/undecodable(offset:)`` at the first octet that does not convert.
    consuming func convert(_ bytes: ArraySlice<UInt8>) throws(CharsetError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + bytes.count / 2 + 16)
        var input = Array(bytes)
        var chunk = [UInt8](repeating: 0, count: max(256, min(65_536, input.count * 2)))
        let total = input.count
        var consumed = 0
        var flushing = false
        while true {
            let step = self.step(&input, from: consumed, flushing: flushing, into: &chunk)
            output.append(contentsOf: chunk[..<step.written])
            consumed += step.read
            switch step.end {
            case .outputFull: continue
            case .failed: throw .undecodable(offset: consumed)
            case .complete:
                if flushing { return output }
                // iconv counts irreversible conversions; strict means none.
                guard consumed == total, step.irreversible == 0 else { throw .undecodable(offset: consumed) }
                flushing = true
            }
        }
    }

    private enum End { case complete, outputFull, failed }

    private func step(
        _ input: inout [UInt8], from start: Int, flushing: Bool, into chunk: inout [UInt8]
    ) -> (read: Int, written: Int, irreversible: Int, end: End) {
        input.withUnsafeMutableBytes { source in
            chunk.withUnsafeMutableBytes { target in
                var inLeft = flushing ? 0 : source.count - start
                var outLeft = target.count
                let inBefore = inLeft
                var inPointer = source.baseAddress.map { ($0 + start).assumingMemoryBound(to: CChar.self) }
                var outPointer = target.baseAddress?.assumingMemoryBound(to: CChar.self)
                let result =
                    flushing
                    ? iconv(descriptor, nil, nil, &outPointer, &outLeft)
                    : iconv(descriptor, &inPointer, &inLeft, &outPointer, &outLeft)
                let code = errno
                let failed = Int(bitPattern: UInt(bitPattern: result)) == -1
                let end: End = failed ? (code == E2BIG ? .outputFull : .failed) : .complete
                return (inBefore - inLeft, target.count - outLeft, failed ? 0 : Int(clamping: result), end)
            }
        }
    }
}

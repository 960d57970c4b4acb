import COpenSSL

enum MemoryBIO {
    /// Everything in a memory BIO.
    static func content(_ bio: OpaquePointer) -> [UInt8] {
        var start: UnsafePointer<CChar>?
        let count = Int(tr_BIO_mem_data(bio, &start))
        guard let start, count > 0 else { return [] }
        return start.withMemoryRebound(to: UInt8.self, capacity: count) {
            Array(UnsafeBufferPointer(start: $0, count: count))
        }
    }

    /// Runs `body` with a read-only memory BIO over `bytes`.
    static func reading<Result>(_ bytes: [UInt8], _ body: (OpaquePointer) throws -> Result) rethrows -> Result? {
        try bytes.withUnsafeBytes { buffer in
            guard let bio = BIO_new_mem_buf(buffer.baseAddress, Int32(clamping: buffer.count)) else { return nil }
            defer { BIO_free(bio) }
            return try body(bio)
        }
    }
}

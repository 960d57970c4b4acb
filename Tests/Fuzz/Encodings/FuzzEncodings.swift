import MailMessage

/// Laws of quoted-printable and base64: what is encoded decodes to the same, lines are at most 76 characters and end in
/// CRLF; whatever is decoded gets no longer; a charset's text is well-formed UTF-8.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    precondition(QuotedPrintable.decode(bytes, in: bytes.indices).bytes.count <= count)
    precondition(Base64.decode(bytes, in: bytes.indices).bytes.count <= count)
    let encoded = QuotedPrintable.encode(bytes)
    for line in encoded.split(separator: 0x0A, omittingEmptySubsequences: false) {
        precondition(line.count <= 77 && line.allSatisfy { $0 == 0x0D || $0 == 0x09 || 0x20...0x7E ~= $0 })
    }
    let decoded = QuotedPrintable.decode(encoded, in: encoded.indices)
    precondition(decoded.strayEquals == 0 && decoded.bytes == withHardBreaks(bytes))
    let base64 = Base64.encode(bytes)
    precondition(Base64.decode(base64, in: base64.indices).bytes == bytes)
    precondition(Base64.decodeURL(Base64.encodeURL(bytes)) == bytes)
    _ = EncodedWord.decode(bytes)
    for label in ["utf-8", "gbk", "big5", "shift_jis", "iso-2022-jp", "euc-kr", "utf-16", "utf-7", "windows-1252"] {
        guard let text = try? Charset(label: label)?.decodeToUTF8(bytes) else { continue }
        precondition(String(validating: text, as: UTF8.self) != nil, label)
    }
    return 0
}

private func withHardBreaks(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    for byte in text {
        if byte == 0x0A, result.last != 0x0D { result.append(0x0D) }
        result.append(byte)
    }
    return result
}

import COpenSSL

/// Fields of a certificate as text. The peer chose them: only printable ASCII passes, 200 octets at most.
enum CertificateText {
    static func names(_ certificate: OpaquePointer) -> String {
        let names = printed { tr_X509_print_names($0, certificate) }
        if !names.isEmpty { return names }
        return "no name (its subject, \(name(X509_get_subject_name(certificate))), does not count: RFC 9525)"
    }

    static func name(_ name: OpaquePointer?) -> String {
        printed { X509_NAME_print_ex($0, name, 0, tr_XN_FLAG_oneline()) }
    }

    static func date(_ time: UnsafePointer<ASN1_TIME>?) -> String { printed { ASN1_TIME_print($0, time) } }

    private static func printed(_ print: (OpaquePointer) -> Int32) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(bio) }
        _ = print(bio)
        return String(
            decoding: MemoryBIO.content(bio).prefix(200).map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
    }
}

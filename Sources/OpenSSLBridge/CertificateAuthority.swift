import COpenSSL

/// A certificate authority made for one run (demo, fake upstream, tests): ECDSA on P-256, nothing kept anywhere.
public final class CertificateAuthority: Sendable {
    private let key: PrivateKey
    private let certificate: Certificate
    /// The authority's certificate, for clients to trust.
    public let certificatePEM: [UInt8]

    /// An authority of this name.
    /// - Throws: ``TLSError/configuration(_:)`` where OpenSSL refuses.
    public init(commonName: String) throws(TLSError) {
        key = try PrivateKey()
        certificate = try Certificate(
            subject: commonName, names: [], key: key, issuer: nil, validity: -3_600...(3_650 * 86_400))
        certificatePEM = certificate.pem
    }

    /// A certificate for DNS names and addresses.
    /// - Parameter validity: seconds from now; a range in the past gives an expired one.
    /// - Throws: ``TLSError/configuration(_:)`` where OpenSSL refuses.
    public func issue(
        names: [String], validity: ClosedRange<Int> = -3_600...(825 * 86_400)
    ) throws(TLSError) -> IssuedCertificate {
        let key = try PrivateKey()
        let leaf = try Certificate(
            subject: names.first ?? "localhost", names: names, key: key, issuer: (certificate, self.key),
            validity: validity)
        return IssuedCertificate(certificateChainPEM: leaf.pem + certificatePEM, privateKeyPEM: key.pem)
    }

    /// A certificate that names its server in the subject alone, as they did before RFC 2818; no client may take it
    /// (RFC 9525 §6.3).
    /// - Throws: ``TLSError/configuration(_:)`` where OpenSSL refuses.
    public func issueWithoutNames(commonName: String) throws(TLSError) -> IssuedCertificate {
        let key = try PrivateKey()
        let leaf = try Certificate(
            subject: commonName, names: [], key: key, issuer: (certificate, self.key),
            validity: -3_600...(825 * 86_400))
        return IssuedCertificate(certificateChainPEM: leaf.pem + certificatePEM, privateKeyPEM: key.pem)
    }

    /// A certificate that signs itself.
    /// - Throws: ``TLSError/configuration(_:)`` where OpenSSL refuses.
    public static func selfSigned(names: [String]) throws(TLSError) -> IssuedCertificate {
        let key = try PrivateKey()
        let leaf = try Certificate(
            subject: names.first ?? "localhost", names: names, key: key, issuer: nil, validity: -3_600...(825 * 86_400))
        return IssuedCertificate(certificateChainPEM: leaf.pem, privateKeyPEM: key.pem)
    }
}

/// An `EVP_PKEY`: immutable once made.
private final class PrivateKey: @unchecked Sendable {
    let pointer: OpaquePointer

    init() throws(TLSError) {
        guard let pointer = tr_EVP_EC_P256_gen() else { throw .configuration("no key: \(TLSError.queued().text)") }
        self.pointer = pointer
    }

    deinit { EVP_PKEY_free(pointer) }

    var pem: [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()) else { return [] }
        defer { BIO_free(bio) }
        PEM_write_bio_PrivateKey(bio, pointer, nil, nil, 0, nil, nil)
        return MemoryBIO.content(bio)
    }
}

/// An `X509`: immutable once made.
private final class Certificate: @unchecked Sendable {
    let pointer: OpaquePointer

    init(
        subject: String, names: [String], key: PrivateKey, issuer: (Certificate, PrivateKey)?,
        validity: ClosedRange<Int>
    ) throws(TLSError) {
        guard let pointer = X509_new() else { throw .configuration("OpenSSL gives no certificate") }
        self.pointer = pointer
        X509_set_version(pointer, 2)
        // RFC 5280 §4.1.2.2: positive and unique.
        let serial = BN_bin2bn([0x01] + (try RandomBytes.make(15)), 16, nil)
        BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(pointer))
        BN_free(serial)
        X509_gmtime_adj(X509_getm_notBefore(pointer), validity.lowerBound)
        X509_gmtime_adj(X509_getm_notAfter(pointer), validity.upperBound)
        X509_set_pubkey(pointer, key.pointer)
        let name = X509_get_subject_name(pointer)
        X509_NAME_add_entry_by_txt(
            name, "CN", MBSTRING_UTF8, Array(subject.utf8), Int32(clamping: subject.utf8.count), -1, 0)
        X509_set_issuer_name(pointer, issuer.map { X509_get_subject_name($0.0.pointer) } ?? name)
        let authority = issuer?.0.pointer ?? pointer
        // What has no names and signs itself is an authority.
        let isAuthority = names.isEmpty && issuer == nil
        var extensions = [
            (NID_basic_constraints, isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE"),
            (NID_subject_key_identifier, "hash"),
            (NID_key_usage, isAuthority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature"),
        ]
        if !names.isEmpty {
            let list = names.map { name in
                let isAddress = name.contains(":") || name.allSatisfy { $0.isNumber || $0 == "." }
                return (isAddress ? "IP:" : "DNS:") + name
            }
            extensions.append((NID_subject_alt_name, list.joined(separator: ",")))
            extensions.append((NID_ext_key_usage, "serverAuth"))
        }
        if issuer != nil { extensions.append((NID_authority_key_identifier, "keyid")) }
        for (nid, value) in extensions {
            guard tr_X509_add_extension(pointer, authority, nid, value) == 1 else {
                throw .configuration("cannot make a certificate for \(names): \(TLSError.queued().text)")
            }
        }
        guard X509_sign(pointer, (issuer?.1 ?? key).pointer, EVP_sha256()) > 0 else {
            throw .configuration("cannot sign: \(TLSError.queued().text)")
        }
    }

    deinit { X509_free(pointer) }

    var pem: [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()) else { return [] }
        defer { BIO_free(bio) }
        PEM_write_bio_X509(bio, pointer)
        return MemoryBIO.content(bio)
    }
}

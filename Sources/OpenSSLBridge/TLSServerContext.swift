import COpenSSL
import Synchronization

/// A server's side of TLS: certificate chain and key.
public final class TLSServerContext: Sendable {
    private let context: SSLContext

    /// A context from PEM files.
    /// - Throws: ``TLSError/configuration(_:)`` naming the file that cannot be used.
    public convenience init(certificateChainFile: String, privateKeyFile: String) throws(TLSError) {
        try self.init { context in
            guard SSL_CTX_use_certificate_chain_file(context, certificateChainFile) == 1 else {
                return "cannot use certificate file \(certificateChainFile): \(TLSError.queued().text)"
            }
            guard SSL_CTX_use_PrivateKey_file(context, privateKeyFile, SSL_FILETYPE_PEM) == 1 else {
                return "cannot use key file \(privateKeyFile): \(TLSError.queued().text)"
            }
            return nil
        }
    }

    /// A context from PEM.
    /// - Throws: ``TLSError/configuration(_:)``.
    public convenience init(_ issued: IssuedCertificate) throws(TLSError) {
        try self.init { context in
            let done: Bool? = MemoryBIO.reading(issued.certificateChainPEM) { bio in
                guard let leaf = PEM_read_bio_X509(bio, nil, nil, nil) else { return false }
                defer { X509_free(leaf) }
                guard SSL_CTX_use_certificate(context, leaf) == 1 else { return false }
                while let next = PEM_read_bio_X509(bio, nil, nil, nil) {
                    if tr_SSL_CTX_add_extra_chain_cert(context, next) != 1 { X509_free(next) }
                }
                ERR_clear_error()
                return true
            }
            let keyed: Bool? = MemoryBIO.reading(issued.privateKeyPEM) { bio in
                guard let key = PEM_read_bio_PrivateKey(bio, nil, nil, nil) else { return false }
                defer { EVP_PKEY_free(key) }
                return SSL_CTX_use_PrivateKey(context, key) == 1
            }
            return done == true && keyed == true ? nil : "cannot use the given certificate: \(TLSError.queued().text)"
        }
    }

    private init(load: (OpaquePointer) -> String?) throws(TLSError) {
        guard let pointer = SSL_CTX_new(TLS_server_method()) else { throw .configuration("OpenSSL gives no context") }
        context = SSLContext(pointer: pointer)
        SSLContext.harden(pointer)
        if let complaint = load(pointer) { throw .configuration(complaint) }
        guard SSL_CTX_check_private_key(pointer) == 1 else {
            throw .configuration("the private key does not belong to the certificate")
        }
        let id = Array("tracerelay".utf8)
        SSL_CTX_set_session_id_context(pointer, id, UInt32(id.count))
    }

    func makeSSL() -> OpaquePointer? { SSL_new(context.pointer) }
}

import COpenSSL
import Synchronization

/// What a client trusts.
public enum TLSTrust: Sendable, Hashable {
    /// The system's store.
    case system
    /// A PEM file of authorities.
    case file(String)
    /// Authorities as PEM.
    case pem([UInt8])
}

/// A client's side of TLS, shared by its connections: trust, and the last session of each peer.
public final class TLSClientContext: Sendable {
    private let storage: Mutex<Storage>
    private let context: SSLContext

    private struct Storage {
        var sessions: [String: SessionBox] = [:]
    }

    /// Peers whose sessions are kept.
    private static let maximumSessions = 256

    /// A context: TLS 1.2 or newer, chain and name always verified.
    /// - Throws: ``TLSError/configuration(_:)`` where the CA file cannot be used.
    public init(trust: TLSTrust) throws(TLSError) {
        guard let pointer = SSL_CTX_new(TLS_client_method()) else { throw .configuration("OpenSSL gives no context") }
        context = SSLContext(pointer: pointer)
        storage = Mutex(Storage())
        SSLContext.harden(pointer)
        switch trust {
        case .system:
            guard SSL_CTX_set_default_verify_paths(pointer) == 1 else {
                throw .configuration("cannot read the system's certificate store: \(TLSError.queued().text)")
            }
        case .file(let path):
            guard SSL_CTX_load_verify_file(pointer, path) == 1 else {
                throw .configuration("cannot read authorities from \(path): \(TLSError.queued().text)")
            }
        case .pem(let bytes):
            let store = SSL_CTX_get_cert_store(pointer)
            var count = 0
            MemoryBIO.reading(bytes) { bio in
                while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) {
                    if X509_STORE_add_cert(store, certificate) == 1 { count += 1 }
                    X509_free(certificate)
                }
            }
            ERR_clear_error()
            guard count > 0 else { throw .configuration("no certificate in the given PEM") }
        }
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER) { isGood, store in
            if isGood == 0, let store, let leaf = X509_STORE_CTX_get0_cert(store),
                let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
                let owner = SSL_get_ex_data(OpaquePointer(ssl), 0)
            {
                let connection = Unmanaged<TLSConnection>.fromOpaque(owner).takeUnretainedValue()
                connection.refused(X509_STORE_CTX_get_error(store), leaf)
            }
            return isGood
        }
        tr_SSL_CTX_cache_client_sessions_outside(pointer)
        SSL_CTX_sess_set_new_cb(pointer) { ssl, session in
            guard let ssl, let session, let owner = SSL_get_ex_data(ssl, 0) else { return 0 }
            Unmanaged<TLSConnection>.fromOpaque(owner).takeUnretainedValue().received(SessionBox(pointer: session))
            // 1: the reference is ours now.
            return 1
        }
    }

    func makeSSL() -> OpaquePointer? { SSL_new(context.pointer) }

    func session(for key: String) -> SessionBox? { storage.withLock { $0.sessions[key] } }

    func keep(_ session: SessionBox, for key: String) {
        storage.withLock { storage in
            if storage.sessions.count >= Self.maximumSessions { storage.sessions.removeAll() }
            storage.sessions[key] = session
        }
    }
}

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

/// An `SSL_CTX`: immutable once configured, and then safe to share (its counters are atomic).
final class SSLContext: @unchecked Sendable {
    let pointer: OpaquePointer

    init(pointer: OpaquePointer) { self.pointer = pointer }

    deinit { SSL_CTX_free(pointer) }

    static func harden(_ context: OpaquePointer) {
        _ = tr_SSL_CTX_set_min_proto_version_1_2(context)
        SSL_CTX_set_options(context, tr_SSL_OP_house())
        tr_SSL_CTX_set_modes(context)
    }
}

/// An `SSL_SESSION` with one reference of ours: immutable, and its counter is atomic.
final class SessionBox: @unchecked Sendable {
    let pointer: OpaquePointer

    init(pointer: OpaquePointer) { self.pointer = pointer }

    deinit { SSL_SESSION_free(pointer) }
}

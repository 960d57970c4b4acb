import COpenSSL
import Synchronization

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

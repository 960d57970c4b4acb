import COpenSSL
import NIOCore

/// One TLS connection over two memory BIOs: ciphertext in, plaintext out, and the other way round. No channel in sight.
///
/// Bound to one event loop; not thread-safe.
final class TLSConnection {
    enum HandshakeStep { case done, needsMore, failed(TLSError) }

    private let ssl: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private let client: (context: TLSClientContext, key: String)?
    private let expectedName: String?
    private(set) var receivedCloseNotify = false
    private var refusal: TLSError?

    convenience init?(client: TLSClientContext, serverName: String, sessionKey: String) {
        guard let ssl = client.makeSSL() else { return nil }
        let isAddress = serverName.contains(":") || serverName.allSatisfy { $0.isNumber || $0 == "." }
        if isAddress {
            guard X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), serverName) == 1 else {
                SSL_free(ssl)
                return nil
            }
        } else {
            // RFC 9525 §6.3: only subjectAltName counts, whatever the subject's common name says.
            SSL_set_hostflags(
                ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
            guard SSL_set1_host(ssl, serverName) == 1, tr_SSL_set_tlsext_host_name(ssl, serverName) == 1 else {
                SSL_free(ssl)
                return nil
            }
        }
        SSL_set_connect_state(ssl)
        if let session = client.session(for: sessionKey) { SSL_set_session(ssl, session.pointer) }
        self.init(ssl, client: (client, sessionKey), expectedName: serverName)
    }

    convenience init?(server: TLSServerContext) {
        guard let ssl = server.makeSSL() else { return nil }
        SSL_set_accept_state(ssl)
        self.init(ssl, client: nil, expectedName: nil)
    }

    private init?(_ ssl: OpaquePointer, client: (TLSClientContext, String)?, expectedName: String?) {
        guard let incoming = BIO_new(BIO_s_mem()), let outgoing = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            return nil
        }
        // Owned by ssl from here on.
        SSL_set_bio(ssl, incoming, outgoing)
        self.ssl = ssl
        self.incoming = incoming
        self.outgoing = outgoing
        self.client = client
        self.expectedName = expectedName
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        SSL_set_ex_data(ssl, 0, nil)
        SSL_free(ssl)
    }

    func refused(_ verdict: Int32, _ certificate: OpaquePointer) {
        refusal = TLSError.verification(verdict, certificate, expected: expectedName ?? "")
    }

    func received(_ session: SessionBox) { client?.context.keep(session, for: client?.key ?? "") }

    func feed(_ ciphertext: ByteBuffer) {
        ciphertext.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 20))
                let taken = BIO_write(incoming, part.baseAddress, Int32(part.count))
                guard taken > 0 else { return }
                rest = rest.dropFirst(Int(taken))
            }
        }
    }

    func handshake() -> HandshakeStep {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 { return .done }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .needsMore
        default:
            // The certificate is gone from the session once its check has failed: the callback kept the reason.
            let queued = TLSError.handshake()
            return .failed(refusal ?? queued)
        }
    }

    /// Decrypts what is there into `buffer`, at most about 64 KiB.
    /// - Returns: whether plaintext was produced.
    func read(into buffer: inout ByteBuffer) throws(TLSError) -> Bool {
        var produced = false
        while buffer.readableBytes < 64 << 10 {
            ERR_clear_error()
            var result: Int32 = 0
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 17 << 10) { space in
                result = SSL_read(ssl, space.baseAddress, Int32(clamping: space.count))
                return max(0, Int(result))
            }
            if result > 0 {
                produced = true
                continue
            }
            switch SSL_get_error(ssl, result) {
            case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return produced
            case SSL_ERROR_ZERO_RETURN:
                receivedCloseNotify = true
                return produced
            default:
                if produced { return true }
                throw .corrupted(TLSError.queued().text)
            }
        }
        return produced
    }

    /// Encrypts; a memory BIO takes all of it.
    func write(_ plaintext: ByteBuffer) throws(TLSError) {
        let failed = plaintext.withUnsafeReadableBytes { bytes -> Bool in
            var rest = bytes[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 20))
                ERR_clear_error()
                let taken = SSL_write(ssl, part.baseAddress, Int32(part.count))
                guard taken > 0 else { return true }
                rest = rest.dropFirst(Int(taken))
            }
            return false
        }
        if failed { throw .corrupted(TLSError.queued().text) }
    }

    /// Puts close_notify into the outgoing ciphertext.
    func shutdown() {
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
        ERR_clear_error()
    }

    /// The ciphertext that waits to go out.
    func takeCiphertext(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
        let count = BIO_ctrl_pending(outgoing)
        guard count > 0 else { return nil }
        var buffer = allocator.buffer(capacity: count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            max(0, Int(BIO_read(outgoing, space.baseAddress, Int32(clamping: count))))
        }
        return buffer
    }

    var summary: TLSHandshakeCompleted {
        TLSHandshakeCompleted(
            version: String(cString: SSL_get_version(ssl)),
            cipher: SSL_get_current_cipher(ssl).flatMap { SSL_CIPHER_get_name($0) }.map { String(cString: $0) } ?? "",
            isResumed: SSL_session_reused(ssl) == 1,
            certificateDaysLeft: SSL_get0_peer_certificate(ssl).flatMap { CertificateDates.daysLeft($0) })
    }
}

/// User event: TLS stands.
public struct TLSHandshakeCompleted: Sendable, Hashable {
    /// Such as `TLSv1.3`.
    public let version: String
    /// OpenSSL's name of the cipher.
    public let cipher: String
    /// Whether a session was resumed.
    public let isResumed: Bool
    /// Days until the peer's certificate ends; `nil` where it showed none.
    public let certificateDaysLeft: Int?
}

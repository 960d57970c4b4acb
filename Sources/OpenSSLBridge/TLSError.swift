import COpenSSL

/// What went wrong with TLS; each failed check of a certificate has its own case and a sentence a sysadmin can act on.
public enum TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The certificate is for other names.
    case certificateNameMismatch(expected: String, presented: String)
    case certificateExpired(notAfter: String)
    case certificateNotYetValid(notBefore: String)
    /// Signed by itself and not in the CA file.
    case selfSignedCertificate(subject: String)
    /// Signed by an authority that the CA file does not hold.
    case unknownAuthority(issuer: String)
    case certificateRevoked
    /// Another check of RFC 5280 §6, in OpenSSL's words.
    case certificateRefused(String)
    /// No TLS 1.2 or 1.3, or no cipher in common.
    case nothingInCommon
    /// The peer's bytes are no TLS.
    case notTLS
    /// The peer ended the handshake with this alert (RFC 8446 §6).
    case alert(String)
    /// Another failure, in OpenSSL's words.
    case handshakeFailed(String)
    /// The connection ended without close_notify: data may be missing.
    case truncated
    /// The bytes of an established connection do not decrypt.
    case corrupted(String)
    /// A file or key of our own cannot be used.
    case configuration(String)

    /// The failure in words.
    public var description: String {
        switch self {
        case .certificateNameMismatch(let expected, let presented):
            "certificate name mismatch: expected \(expected), the certificate is for \(presented); check `address` or `tls-server-name`"
        case .certificateExpired(let date): "certificate expired on \(date)"
        case .certificateNotYetValid(let date): "certificate not valid before \(date); check this machine's clock"
        case .selfSignedCertificate(let subject): "self-signed certificate (\(subject)) that is not in the CA file"
        case .unknownAuthority(let issuer):
            "certificate of an unknown authority (\(issuer)); check `ca-file`, without one the package ca-certificates"
        case .certificateRevoked: "certificate revoked"
        case .certificateRefused(let text): "certificate refused: \(text)"
        case .nothingInCommon: "no TLS version or cipher in common (TLS 1.2 or newer is required)"
        case .notTLS: "the peer does not speak TLS here"
        case .alert(let text): "the peer ended the handshake: \(text)"
        case .handshakeFailed(let text): "handshake failed: \(text)"
        case .truncated: "connection ended without close_notify"
        case .corrupted(let text): "connection corrupted: \(text)"
        case .configuration(let text): text
        }
    }

    /// The oldest entry of OpenSSL's error queue, which is emptied.
    static func queued() -> (library: Int32, reason: Int32, text: String) {
        let code = ERR_get_error()
        var buffer = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &buffer, buffer.count)
        ERR_clear_error()
        let whole = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        // "error:0A000086:SSL routines::certificate verify failed"
        let text = whole.split(separator: ":").last.map(String.init) ?? whole
        return (tr_ERR_lib(code), tr_ERR_reason(code), code == 0 ? "unknown error" : text)
    }

    /// What a failed handshake means, certificate checks apart.
    static func handshake() -> TLSError {
        let (library, reason, text) = queued()
        guard library == ERR_LIB_SSL else { return .handshakeFailed(text) }
        switch reason {
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST,
            SSL_R_PACKET_LENGTH_TOO_LONG:
            return .notTLS
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_NO_SHARED_CIPHER, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
            SSL_R_NO_PROTOCOLS_AVAILABLE,
            SSL_R_VERSION_TOO_LOW:
            return .nothingInCommon
        // OpenSSL numbers an alert as 1000 + its description.
        case 1_000...1_255: return .alert(text)
        default: return .handshakeFailed(text)
        }
    }

    /// What a failed check of `certificate`, the peer's own, means.
    static func verification(_ verdict: Int32, _ certificate: OpaquePointer, expected: String) -> TLSError {
        switch verdict {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            return .certificateNameMismatch(expected: expected, presented: CertificateText.names(certificate))
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return .certificateExpired(notAfter: CertificateText.date(X509_get0_notAfter(certificate)))
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return .certificateNotYetValid(notBefore: CertificateText.date(X509_get0_notBefore(certificate)))
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return .selfSignedCertificate(subject: CertificateText.name(X509_get_subject_name(certificate)))
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return .unknownAuthority(issuer: CertificateText.name(X509_get_issuer_name(certificate)))
        case X509_V_ERR_CERT_REVOKED: return .certificateRevoked
        default: return .certificateRefused(String(cString: X509_verify_cert_error_string(Int(verdict))))
        }
    }
}

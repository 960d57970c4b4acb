import COpenSSL
import Synchronization

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

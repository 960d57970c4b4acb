import COpenSSL
import Synchronization

/// An `SSL_SESSION` with one reference of ours: immutable, and its counter is atomic.
final class SessionBox: @unchecked Sendable {
    let pointer: OpaquePointer

    init(pointer: OpaquePointer) { self.pointer = pointer }

    deinit { SSL_SESSION_free(pointer) }
}

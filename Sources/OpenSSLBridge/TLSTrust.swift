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

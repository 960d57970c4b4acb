import Glibc
import NIOCore
import TrackingWeb

extension StartFailure {
    /// Why an address cannot be listened on, and what to do.
    /// - Parameter key: where relay.conf says the address.
    static func listening(on address: String, key: String, _ error: any Error) -> StartFailure {
        let cause = (error as? WebServerError)?.cause ?? error
        let code = (cause as? IOError)?.errnoCode
        let (sentence, exitCode): (String, Int32) =
            switch code {
            case EADDRINUSE:
                ("the port is taken; stop what listens there (`ss -ltnp` shows it), or choose another", 69)
            case EACCES:
                (
                    "ports below 1024 need the capability CAP_NET_BIND_SERVICE (see tracerelay.service), or choose a higher one",
                    77
                )
            case EADDRNOTAVAIL: ("this machine has no such address (yet)", 69)
            case let code?: (String(cString: strerror(code)), 69)
            case nil: ("\(cause)", 69)
            }
        return StartFailure("cannot listen on \(address) (\(key)): \(sentence)", exitCode: exitCode)
    }
}

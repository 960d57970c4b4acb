import SMTPProtocol
import Tracking

extension Loading {
    func listeners() -> [ListenerSettings]? {
        let sections = root.tables("listener")
        guard !sections.isEmpty else { return nil }
        return sections.compactMap { section in
            section.check(Schema.listener)
            guard let address = section.endpoint("address") else {
                if !section.has("address") {
                    findings.error(section.path, "a listener needs `address = \"HOST:PORT\"`")
                }
                return nil
            }
            var listener = ListenerSettings(address: address)
            listener.tls = section.word("tls", TLSMode.self) ?? .none
            listener.certificateFile = section.string("certificate-file")
            listener.keyFile = section.string("key-file")
            listener.networks = section.list("networks", "a network such as \"10.0.0.0/8\"") { IPNetwork($0) } ?? []
            listener.authFile = section.string("auth-file")
            if let word = section.word("bare-newlines", BareNewlines.self) {
                listener.bareNewlines = word == .normalize ? .normalize : .reject
            }
            check(listener, section)
            return listener
        }
    }

    private enum BareNewlines: String, CaseIterable { case normalize, reject }

    private func check(_ listener: ListenerSettings, _ section: SectionReader) {
        if listener.tls != .none, listener.certificateFile == nil || listener.keyFile == nil {
            section.fail("tls", "needs `certificate-file` and `key-file`")
        }
        if Listening.opensTheWorld(listener.networks) {
            section.fail(
                "networks",
                "so many addresses that may send without a password are an open relay; name the networks of your machines"
            )
        }
        if !listener.address.isLoopback, listener.networks.isEmpty, listener.authFile == nil {
            section.fail(
                "address",
                "a listener that is not on loopback needs `networks` or `auth-file`, else it is an open relay")
        }
        if listener.authFile != nil, listener.tls == .none, !listener.address.isLoopback {
            section.fail(
                "auth-file", "off loopback AUTH works inside TLS only; set `tls`, `certificate-file` and `key-file`")
        }
    }
}

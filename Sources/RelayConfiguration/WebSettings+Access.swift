/// What opens console, API and metrics.
public enum ConsoleEntry: Sendable {
    /// Being at this machine.
    case open
    /// The password, the token, or both.
    case secrets
    /// The key that the service makes in the data directory.
    case key
}

extension WebSettings {
    /// Where pixel and links are served alone, unless `tracking-address` says otherwise.
    public static let defaultTrackingAddress = Endpoint(host: "127.0.0.1", port: 8080)

    /// What opens console, API and metrics. Being at this machine is enough only where nothing leads here from outside:
    /// to a plain proxy's `proxy_pass`, requests from the Internet look like those of this machine.
    public var entry: ConsoleEntry {
        if passwordHash != nil || tokenHash != nil { return .secrets }
        return facesInternet && !acceptsOpenConsole ? .key : .open
    }

    /// Who may see what, in lines for people.
    public var summary: [String] {
        let words: String =
            switch entry {
            case .open: "open to this machine, under the name localhost or its address, and to no proxy"
            case .secrets where passwordHash != nil && tokenHash != nil:
                "for people with the password, for programs with the token"
            case .secrets where passwordHash != nil: "for people with the password; programs need token-hash"
            case .secrets: "for programs with the token; people need password-hash"
            case .key: "for whoever has the key that `tracerelay console` prints; or set password-hash, token-hash"
            }
        var lines = ["[web] \(address): console, API and /metrics \(words); pixel, links, /livez and /readyz for all"]
        if let trackingAddress {
            lines.append(
                "[web] \(trackingAddress): pixel and links for all, and nothing else; lead your TLS proxy here")
        }
        return lines
    }
}

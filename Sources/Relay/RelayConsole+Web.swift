import RelayConfiguration
import TrackingWeb

/// What the health page says of the web listeners.
extension RelayConsole {
    /// Whether hits say whose they are: behind a proxy that forwards no address all readers look like one machine.
    func readers() -> HealthCheck {
        let name = "Readers' addresses"
        let count = metrics.hits.hitsWithoutReader
        guard settings.web.facesInternet, count > 0 else {
            return HealthCheck(name, .good, "hits since the start say whose they are")
        }
        return HealthCheck(
            name, .warning,
            "\(count) hits since the start came from this machine or a proxy and name no reader, so that machines among "
                + "them cannot be told from people by their address. Let the proxy send X-Forwarded-For (nginx: "
                + "proxy_set_header X-Forwarded-For $remote_addr), and name it in trusted-proxies.")
    }

    func web() -> [HealthCheck] {
        let status = connections.status
        let words = "\(status.open) of \(connections.maximum) connections"
        let turned = status.refused + status.displaced
        return settings.web.summary.map { HealthCheck("Who may see what", .good, $0) } + [
            HealthCheck(
                "Connections", turned == 0 ? .good : .warning,
                turned == 0
                    ? words
                    : "\(words); since the start \(status.refused) were refused and \(status.displaced) silent ones "
                        + "closed to make room (web-connections, web-connections-per-client)")
        ]
    }
}

import RelayConfiguration
import Testing
import Tracking

private func settings(_ baseURL: String, _ more: String = "") throws -> RelaySettings {
    try ConfigurationLoader.parse(
        """
        [upstream.default]
        address = "127.0.0.1:25"
        [tracking]
        base-url = "\(baseURL)"
        \(more)
        """, file: "relay.conf")
}

private let hash = "\"pbkdf2-sha256$1$AA==$AA==\""

/// The least configuration of the README must not show anything to whoever a proxy lets through.
@Test func aConsoleIsOpenOnlyWhereNothingLeadsToIt() throws {
    for (base, more, entry, tracking) in [
        ("http://127.0.0.1:8025", "", ConsoleEntry.open, nil), ("http://localhost/t", "", .open, nil),
        ("https://track.example.com", "", .key, "127.0.0.1:8080"),
        ("https://track.example.com", "[web]\n", .key, "127.0.0.1:8080"),
        // One tag's host is enough.
        ("http://127.0.0.1", "[tag.a]\nbase-url = \"https://t.example.com\"\n", .key, "127.0.0.1:8080"),
        ("https://track.example.com", "[web]\naddress = \"127.0.0.1:8080\"\n", .key, nil),
        ("https://track.example.com", "[web]\ntracking-address = \"0.0.0.0:80\"\n", .key, "0.0.0.0:80"),
        ("https://track.example.com", "[web]\npassword-hash = \(hash)\n", .secrets, "127.0.0.1:8080"),
        ("http://127.0.0.1", "[web]\ntoken-hash = \(hash)\n", .secrets, nil),
        ("https://track.example.com", "[web]\ni-accept-open-console = true\n", .open, "127.0.0.1:8080"),
        (
            "https://track.example.com", "[web]\ni-accept-open-console = true\ntoken-hash = \(hash)\n", .secrets,
            "127.0.0.1:8080"
        ),
    ] as [(String, String, ConsoleEntry, String?)] {
        let web = try settings(base, more).web
        #expect(web.entry == entry && web.trackingAddress?.description == tracking, "\(base) \(more)")
        #expect(web.summary.count == (tracking == nil ? 1 : 2))
        #expect(web.summary[0].contains("open to this machine") == (entry == .open))
    }
    #expect(throws: ConfigurationErrors.self) {
        try settings("https://t.example", "[web]\naddress = \"0.0.0.0:1\"\ni-accept-open-console = true\n")
    }
}

@Test func aTrackersMetricsAreNotForProxies() throws {
    func entry(_ text: String) throws -> ConsoleEntry {
        try ConfigurationLoader.parseTracker(text + "[web]\ntracking-address = \"0.0.0.0:80\"\n", file: "f").web.entry
    }
    #expect(try entry("") == .key)
    #expect(try entry("[tracking]\nbase-url = \"https://t.example\"\n") == .key)
    #expect(try entry("[tracking]\nbase-url = \"http://127.0.0.1\"\n") == .open)
}

@Test func loopbackProxiesAreTrustedUnlessOthersAreNamed() throws {
    #expect(try settings("https://t.example").web.trustedProxies.map(\.description) == ["127.0.0.0/8", "::1/128"])
    #expect(try settings("https://t.example", "[web]\ntrusted-proxies = []\n").web.trustedProxies.isEmpty)
    let limits = try settings("https://t.example", "[limits]\nweb-connections = 50\nweb-connections-per-client = 5\n")
        .limits
    #expect(limits.webConnections == 50 && limits.webConnectionsPerClient == 5)
}

import RelayConfiguration
import StorageSQLite
import Testing

@testable import Relay

/// A day's figures outlive the hits that they can be corrected by.
@Test func figuresAreKeptAsLongAsTheirHits() throws {
    let settings = try ConfigurationLoader.parse(
        """
        [upstream.default]
        address = "127.0.0.1:25"
        [tracking]
        base-url = "https://t.example.com"
        keep-hits = "30d"
        keep-figures = "90d"
        [tag.short]
        keep-figures = "1d"
        """, file: "relay.conf")
    let day: Int64 = 86_400_000
    let retention = PolicySnapshot(settings, keyID: 1).retention
    #expect(retention.others.hits == 30 * day && retention.others.figures == 90 * day)
    #expect(retention.tags["short"]?.hits == 30 * day && retention.tags["short"]?.figures == 30 * day)
}

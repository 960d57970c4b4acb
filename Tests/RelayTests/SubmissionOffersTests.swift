import MessageQueue
import RelayConfiguration
import SMTPProtocol
import StorageSQLite
import Testing
import TrackingEvents

@testable import Relay
@testable import SMTPTransport

/// Who may send to a relay that listens for a network, for its users, and on loopback.
private func submission() throws -> Submission {
    let settings = try ConfigurationLoader.parse(
        """
        [upstream.default]
        address = "127.0.0.1:25"
        [tracking]
        base-url = "https://t.example.com"
        [[listener]]
        address = "0.0.0.0:1"
        networks = ["10.0.0.0/8"]
        [[listener]]
        address = "0.0.0.0:2"
        auth-file = "/users"
        tls = "starttls"
        certificate-file = "/c"
        key-file = "/k"
        networks = ["10.0.0.0/8"]
        """, file: "relay.conf")
    let store = SQLiteQueueStore(directory: "/nowhere", messageOctets: 1, observeSync: { _ in }, report: { _ in })
    return Submission(
        settings: settings, book: PolicyBook(PolicySnapshot(settings, keyID: 1)), users: ["0.0.0.0:2": ["ann": "hash"]],
        queue: MessageQueue(store: store, upstreams: [], schedule: settings.retrySchedule, now: SystemClock.now),
        records: EventRecords(), metrics: RelayMetrics(), log: RelayLog(handler: RelayLogHandler(settings.log)),
        routes: RouteCapabilities())
}

/// A password in clear crosses no network, and who might be a spam program waits for its replies.
@Test(arguments: [
    ("127.0.0.1", 1, true, false, true, ServerSession.Synchronisation.lenient),
    ("::1", 2, true, false, true, .lenient),
    ("10.1.1.1", 1, true, false, false, .lenient),
    ("10.1.1.1", 2, true, false, false, .lenient),
    ("192.0.2.1", 1, false, false, false, .strict),
    ("192.0.2.1", 2, true, true, false, .strict),
])
func whoIsWhereDecidesWhatIsOffered(
    _ client: String, _ port: Int, _ mayConnect: Bool, _ mustLogIn: Bool, _ inClear: Bool,
    _ synchronisation: ServerSession.Synchronisation
) throws {
    let submission = try submission()
    let facts = ConnectionFacts(id: 1, listener: "0.0.0.0:\(port)", client: client)
    #expect((submission.connected(facts) == nil) == mayConnect)
    var settings = ServerSession.Settings(hostname: "relay.test")
    submission.configure(&settings, for: facts)
    #expect(settings.authentication == .offered(isMandatory: mustLogIn, allowsClear: inClear))
    #expect(settings.synchronisation == synchronisation)
}

import SMTPProtocol
import TOMLKit
import Tracking

/// One run over a document.
struct Loading {
    let root: SectionReader
    let findings: Findings
    static let day = Duration.seconds(86_400)

    mutating func run() -> RelaySettings? {
        root.check(Schema.topLevel)
        let hostname = root.parsed("hostname", "a host name", Self.hostname) ?? "localhost"
        let directory = root.string("data-directory") ?? "/var/lib/tracerelay"
        if !directory.hasPrefix("/") { root.fail("data-directory", "must be an absolute path") }
        let upstreams = self.upstreams()
        guard let upstream = upstreams["default"],
            let tracking = PolicyReader(root: root, upstreams: Set(upstreams.keys)).read()
        else { return nil }
        var settings = RelaySettings(
            hostname: hostname, dataDirectory: directory, upstream: upstream, policies: tracking.policies)
        settings.upstreams = upstreams
        settings.policyLines = tracking.lines
        if let word = root.word("reply-text", ReplyText.self) { settings.replyText = word }
        if let section = root.table("tracking") {
            if let file = section.string("key-file") { settings.keyFile = file }
            settings.blockListFile = section.string("block-list-file")
            settings.denyListFile = section.string("deny-list-file")
        }
        settings.listeners = listeners() ?? settings.listeners
        settings.web.facesInternet = tracking.policies.baseURLs.contains { !$0.isLoopback }
        readWeb(&settings.web)
        readLimits(&settings.limits)
        readQueue(&settings.queue)
        readLog(&settings.log)
        Listening(root: root, findings: findings).check(settings)
        settings.warnings = findings.warnings
        settings.places = findings.places
        return settings
    }

    func runTracker() -> TrackerSettings? {
        root.check(Schema.topLevel)
        let directory = root.string("data-directory") ?? "/var/lib/tracerelay"
        if !directory.hasPrefix("/") { root.fail("data-directory", "must be an absolute path") }
        var settings = TrackerSettings(dataDirectory: directory)
        if let section = root.table("tracking") {
            section.check(Schema.tracking)
            if let file = section.string("key-file") { settings.keyFile = file }
            settings.blockListFile = section.string("block-list-file")
            readBasePath(section, &settings)
        }
        if let tags = root.table("tag") {
            for name in tags.table.keys.sorted() {
                if let section = tags.table(name) { readBasePath(section, &settings) }
            }
        }
        settings.web.facesInternet = settings.facesInternet
        readWeb(&settings.web, hasDefaultTrackingAddress: false)
        readLimits(&settings.limits)
        readLog(&settings.log)
        if settings.web.trackingAddress == nil {
            findings.error(["web"], "[web] needs `tracking-address`, where pixel and links are served")
        }
        Listening(root: root, findings: findings).check(settings)
        settings.places = findings.places
        return settings
    }

    private func readBasePath(_ section: SectionReader, _ settings: inout TrackerSettings) {
        guard let url = section.address("base-url") else { return }
        settings.basePaths.insert(url.path)
        settings.baseURLs.append(url)
    }

    private static func hostname(_ text: String) -> String? {
        Mailbox("x@\(text)") != nil && text.utf8.allSatisfy { $0 < 0x80 } ? text : nil
    }
}

/// A key that relay.conf may hold.
public struct KeySpecification: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// What it does, in one sentence.
    public let sentence: String

    init(_ name: String, _ sentence: String) {
        self.name = name
        self.sentence = sentence
    }
}

/// Every section and key there is: the reader, the example's test and the suggestions for misspelt keys share it.
public enum Schema {
    /// Keys outside any section.
    public static let root = [
        KeySpecification("hostname", "the name in banner, EHLO and Received"),
        KeySpecification("data-directory", "queue, events and journal; created 0700"),
        KeySpecification(
            "reply-text", "words of the final 250: \"standard\", or \"directmail\" for applications that compare them"),
    ]
    /// `[[listener]]`.
    public static let listener = [
        KeySpecification("address", "host and port to listen on"),
        KeySpecification("tls", "\"none\", \"starttls\" or \"implicit\""),
        KeySpecification("certificate-file", "PEM, the chain"),
        KeySpecification("key-file", "PEM, the private key"),
        KeySpecification("networks", "client networks that may send; loopback always may"),
        KeySpecification(
            "auth-file", "lines NAME:HASH as `tracerelay password` makes them; clients outside `networks` must log in"),
        KeySpecification("bare-newlines", "\"normalize\" (default on loopback) or \"reject\" (default elsewhere)"),
    ]
    /// `[upstream.NAME]`.
    public static let upstream = [
        KeySpecification("address", "host and port"),
        KeySpecification("tls", "\"starttls\", \"implicit\" or \"none\""),
        KeySpecification("tls-server-name", "the name its certificate must bear; default: the host of `address`"),
        KeySpecification("ca-file", "PEM; default: the system's store"),
        KeySpecification("i-accept-cleartext", "must be true for tls = \"none\" off loopback"),
        KeySpecification("username", "for AUTH"),
        KeySpecification("password-file", "its first line; or systemd credential \"upstream-NAME-password\""),
        KeySpecification("preset", "\"directmail\": reply table and limits of Direct Mail"),
        KeySpecification("connections", "at most so many at a time"),
        KeySpecification("messages-per-connection", "then the connection is renewed"),
        KeySpecification("connection-age", "then the connection is renewed"),
        KeySpecification("connection-idle", "then the connection is closed"),
        KeySpecification("connect-timeout", "until TCP stands"),
        KeySpecification("command-timeout", "until a reply"),
        KeySpecification("final-dot-timeout", "until the reply to the content's end"),
        KeySpecification("soft-bounce", "every 5xx defers instead of failing"),
        KeySpecification("rewrite-sender", "the envelope sender becomes `username`, for upstreams that demand it"),
    ]
    /// Policy keys of `[tracking]` and `[tag.NAME]`.
    public static let policy = [
        KeySpecification("opens", "\"as-asked\", \"always\" or \"never\""),
        KeySpecification("clicks", "\"as-asked\", \"always\" or \"never\""),
        KeySpecification("tracking", "\"local\", \"upstream\" (Direct Mail tracks) or \"off\""),
        KeySpecification("base-url", "the tracking host"),
        KeySpecification("recipients", "\"split\": one transaction each; \"shared\": one for all"),
        KeySpecification("text-links", "also URLs in text/plain parts"),
        KeySpecification("exclude", "host globs and URL globs that are never tracked"),
        KeySpecification("label-is-url", "\"track\" or \"leave\" links whose text is their address"),
        KeySpecification("utm", "parameters added to each tracked link's target"),
        KeySpecification("pixel", "\"auto\", \"bottom\" or \"top\""),
        KeySpecification("charset", "\"utf-8\" or \"keep\""),
        KeySpecification("dkim-signed", "\"pass-through\" or \"remove\" the signature and track"),
        KeySpecification("upstream", "the upstream that takes the mail"),
        KeySpecification("privacy", "\"full\", \"pseudonymous\" or \"anonymous\""),
        KeySpecification("keep-subject", "whether console and API show the subject"),
        KeySpecification("keep-source", "how long a mail's text stays for the console after its delivery"),
        KeySpecification("keep-personal", "how long addresses, subjects, clients and agents are kept"),
        KeySpecification("keep-hits", "how long mails, deliveries and hits are kept"),
        KeySpecification("keep-figures", "how long figures per day are kept"),
    ]
    /// `[tracking]`.
    public static let tracking =
        [
            KeySpecification("key-file", "tracking keys; made on first start when missing"),
            KeySpecification("unknown-tag", "\"untracked\" or \"reject\""),
            KeySpecification("on-bad-trace", "\"untracked\" or \"reject\""),
            KeySpecification("block-list-file", "links that are turned off: message, tag, host or key, one a line"),
            KeySpecification(
                "deny-list-file", "recipients who are never tracked: addresses or their SHA-256, one a line"),
        ] + policy
    /// `[tag.NAME]`.
    public static let tag = policy + [KeySpecification("senders", "From domains (globs) that may use the tag")]
    /// `[[rule]]`.
    public static let rule = [
        KeySpecification("listener", "the listener's address"),
        KeySpecification("network", "the client's network"),
        KeySpecification("auth-user", "glob"),
        KeySpecification("envelope-sender", "glob"),
        KeySpecification("from-domain", "glob"),
        KeySpecification("recipient-domain", "glob; one recipient is enough"),
        KeySpecification("subject", "glob over the decoded subject"),
        KeySpecification("header", "table of field names and globs"),
        KeySpecification("tag", "the tag it assigns"),
        KeySpecification("opens", "asks for a pixel; default true"),
        KeySpecification("clicks", "asks for tracked links; default true"),
        KeySpecification("override", "wins over the mail's own header"),
    ]
    /// `[web]`.
    public static let web = [
        KeySpecification("address", "pixel, redirect, console, API, metrics and health"),
        KeySpecification("tracking-address", "pixel and redirect alone, to face the Internet"),
        KeySpecification("trusted-proxies", "networks whose forwarding headers count"),
        KeySpecification(
            "hit-classes-file", "rules that tell people from machines; default: `tracerelay events classes`"),
        KeySpecification(
            "password-hash",
            "the console's password, as `tracerelay password` prints it behind the name; a must off loopback"),
        KeySpecification("token-hash", "the token for API and metrics, made the same way"),
    ]
    /// `[limits]`.
    public static let limits = [
        KeySpecification("message-size", "octets of a message"),
        KeySpecification("recipients", "recipients of a message"),
        KeySpecification("connections", "client connections in all"),
        KeySpecification("connections-per-client", "client connections from one address"),
        KeySpecification("idle-timeout", "until a silent client is sent away"),
        KeySpecification("in-flight", "octets of messages on their way upstream at a time"),
    ]
    /// `[queue]`.
    public static let queue = [
        KeySpecification("retry", "waits between attempts; the last one repeats"),
        KeySpecification("lifetime", "then a mail fails"),
    ]
    /// `[log]`.
    public static let log = [
        KeySpecification("format", "\"logfmt\" or \"json\""),
        KeySpecification("level", "\"debug\", \"info\", \"warning\" or \"error\""),
    ]

    /// Each section's heading and keys, for the example's test and `check-config`.
    public static let sections: [(heading: String, keys: [KeySpecification])] = [
        ("", root), ("[[listener]]", listener), ("[upstream.NAME]", upstream), ("[tracking]", tracking),
        ("[tag.NAME]", tag), ("[[rule]]", rule), ("[web]", web), ("[limits]", limits), ("[queue]", queue),
        ("[log]", log),
    ]

    static let topLevel =
        root.map(\.name) + ["listener", "upstream", "tracking", "tag", "rule", "web", "limits", "queue", "log"]

    /// The known word nearest to a misspelt one, at most three edits away.
    static func suggestion(for word: String, among known: [String]) -> String? {
        known.map { ($0, distance(word, $0)) }.filter { $0.1 <= min(3, max(1, $0.0.count / 2)) }.min { $0.1 < $1.1 }?.0
    }

    /// Edit distance in which two neighbours changing places are one edit; quadratic in two short words.
    private static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8.prefix(64))
        let right = Array(right.utf8.prefix(64))
        var above: [Int] = []
        var row = Array(0...right.count)
        for (i, one) in left.enumerated() {
            var next = [i + 1]
            for (j, other) in right.enumerated() {
                var best = min(row[j] + (one == other ? 0 : 1), next[j] + 1, row[j + 1] + 1)
                if i > 0, j > 0, one == right[j - 1], other == left[i - 1] { best = min(best, above[j - 1] + 1) }
                next.append(best)
            }
            (above, row) = (row, next)
        }
        return row[right.count]
    }
}

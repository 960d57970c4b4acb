import Tracking

/// Every section and key there is: the reader, the example's test and the suggestions for misspelt keys share it.
public enum Schema {
    /// Keys outside any section.
    public static let root = ["hostname", "data-directory", "reply-text"]
    /// `[[listener]]`.
    public static let listener = [
        "address", "tls", "certificate-file", "key-file", "networks", "auth-file", "bare-newlines",
    ]
    /// `[upstream.NAME]`.
    public static let upstream = [
        "address", "tls", "tls-server-name", "ca-file", "i-accept-cleartext", "username", "password-file", "preset",
        "connections", "messages-per-connection", "connection-age", "connection-idle", "connect-timeout",
        "command-timeout", "final-dot-timeout", "soft-bounce", "rewrite-sender",
    ]
    /// `[tracking]`.
    public static let tracking =
        ["key-file", "unknown-tag", "on-bad-trace", "block-list-file", "deny-list-file"]
        + PolicyKey.ofTracking.map(\.name)
    /// `[tag.NAME]`.
    public static let tag = PolicyKey.all.map(\.name)
    /// `[[rule]]`.
    public static let rule = [
        "listener", "network", "auth-user", "envelope-sender", "from-domain", "recipient-domain", "subject", "header",
        "tag", "opens", "clicks", "override",
    ]
    /// `[web]`.
    public static let web = [
        "address", "tracking-address", "trusted-proxies", "hit-classes-file", "password-hash", "token-hash",
        "i-accept-open-console",
    ]
    /// `[limits]`.
    public static let limits = [
        "message-size", "recipients", "connections", "connections-per-client", "idle-timeout", "transaction-timeout",
        "least-rate", "in-flight", "web-connections", "web-connections-per-client", "drain",
    ]
    /// `[queue]`.
    public static let queue = ["retry", "lifetime"]
    /// `[log]`.
    public static let log = ["format", "level"]

    /// Each section's heading and keys, for the example's test.
    public static let sections: [(heading: String, keys: [String])] = [
        ("", root), ("[[listener]]", listener), ("[upstream.NAME]", upstream), ("[tracking]", tracking),
        ("[tag.NAME]", tag), ("[[rule]]", rule), ("[web]", web), ("[limits]", limits), ("[queue]", queue),
        ("[log]", log),
    ]

    static let topLevel =
        root + ["listener", "upstream", "tracking", "tag", "rule", "web", "limits", "queue", "log"]

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

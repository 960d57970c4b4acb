/// How a tracked mail to several recipients goes upstream.
public enum RecipientsPolicy: String, Sendable, CaseIterable {
    /// One transaction each, so that events name the recipient.
    case split
    /// One transaction for all; events say "one of N".
    case shared
}

/// What happens to a mail that an application has signed with DKIM.
public enum DKIMPolicy: String, Sendable, CaseIterable {
    /// Its body goes out as it came.
    case passThrough = "pass-through"
    /// The signature goes, the mail is tracked.
    case remove
}

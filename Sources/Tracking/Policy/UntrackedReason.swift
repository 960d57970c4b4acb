/// Why a mail goes out untracked. Each has a counter of this name and a sentence.
public enum UntrackedReason: String, Sendable, CaseIterable {
    /// No `X-AliDM-Trace` field, and no rule matches.
    case notAsked = "not-asked"
    /// The field or the rule has both flags off, or the policy forbids the ones that are on.
    case flagsOff = "flags-off"
    /// The field cannot be read.
    case malformedTrace = "malformed-trace"
    /// The tag is not configured.
    case unknownTag = "unknown-tag"
    /// The From domain is not among the tag's `senders`.
    case senderNotAllowed = "sender-not-allowed"
    /// `tracking = "off"`.
    case trackingOff = "tracking-off"
    /// A bounce (`MAIL FROM:<>`) is never tracked.
    case bounce
}

/// The verdict on a mail.
public enum TraceVerdict: Sendable, Equatable {
    /// Tracked as decided.
    case track(TrackingDecision)
    /// Goes out untracked; `detail` names the defect. The tag, where one that is configured was asked for: its policy for
    /// everything but tracking still counts.
    case untracked(UntrackedReason, detail: String, tag: TagName?)
    /// Refused: code, enhanced code and a text for the client.
    case reject(code: Int, enhanced: String, text: String, UntrackedReason)
}

/// Why a link was left as it was. Each has a counter of this name, a sentence, and a fixture.
public enum LinkReason: String, Sendable, CaseIterable, Codable {
    /// No value.
    case empty
    /// A place in the same document.
    case fragment
    /// No scheme.
    case relative
    /// Neither `http:` nor `https:`.
    case otherScheme = "other-scheme"
    /// A scheme without a host.
    case noHost = "no-host"
    /// A host or port that no browser takes.
    case invalidHost = "invalid-host"
    /// In plain text: readers' programs do not agree on where it ends.
    case unclearEnd = "unclear-end"
    /// A host that only the sender's network knows.
    case privateHost = "private-host"
    /// Leads to the tracking host already.
    case alreadyTracked = "already-tracked"
    /// `exclude` of the tag's policy.
    case excluded
    /// `data-alidm-traceoff`.
    case traceOff = "trace-off"
    /// Another vendor's marker.
    case otherMarker = "other-marker"
    /// Also in List-Unsubscribe.
    case listUnsubscribe = "list-unsubscribe"
    /// A template marker that was never filled in.
    case templateMarker = "template-marker"
    /// The tracked URL would be too long.
    case tooLong = "too-long"
    /// An `https` link must not pass an `http` tracking host.
    case secureTarget = "secure-target"
    /// Octets that are not in the part's charset: nobody knows what a browser would request.
    case undecodable
    /// The link's text is the URL itself and the policy leaves those.
    case labelIsURL = "label-is-url"
    /// The upstream tracks this mail.
    case leftToUpstream = "left-to-upstream"
    /// The tag's policy or the mail asks for no click tracking.
    case clicksOff = "clicks-off"

    /// The reason in words.
    public var sentence: String {
        switch self {
        case .empty: "the link has no address"
        case .fragment: "it leads to a place in the same mail"
        case .relative: "it has no scheme: only full http and https addresses are tracked"
        case .otherScheme: "only http and https links are tracked"
        case .noHost: "there is no host in it"
        case .invalidHost: "no browser takes its host or port as they are written"
        case .unclearEnd: "mail programs do not agree on where it ends; put it between < and >"
        case .privateHost: "its host is known only inside the sender's network"
        case .alreadyTracked: "it leads to the tracking host already"
        case .excluded: "the tag's `exclude` names it"
        case .traceOff: "it is marked data-alidm-traceoff"
        case .otherMarker: "it carries another vendor's do-not-track marker"
        case .listUnsubscribe: "the mail's List-Unsubscribe field names it too"
        case .templateMarker: "a template marker in it was never filled in"
        case .tooLong: "the tracked address would exceed \(TokenLimits.maximumURLOctets) characters"
        case .secureTarget: "an https link must not pass the tracking host, which is http"
        case .undecodable: "it holds octets that are not in the part's charset"
        case .labelIsURL: "its text shows the address and the tag's `label-is-url` says leave"
        case .leftToUpstream: "the upstream tracks the links of this mail"
        case .clicksOff: "click tracking is off for this mail"
        }
    }
}

/// What became of one link.
public enum LinkOutcome: Sendable, Equatable {
    /// Replaced by a signed link of this number.
    case tracked(number: Int)
    /// Left alone.
    case left(LinkReason)
}

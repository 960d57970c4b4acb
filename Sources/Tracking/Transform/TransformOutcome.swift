/// How a mail goes out.
public enum TransformOutcome: Sendable, Equatable {
    /// With links, a pixel or both.
    case tracked(TransformReport)
    /// With its body as it was.
    case passedThrough(PassThroughReason, TransformReport)

    /// The report in either case.
    public var report: TransformReport {
        switch self {
        case .tracked(let report), .passedThrough(_, let report): report
        }
    }
}

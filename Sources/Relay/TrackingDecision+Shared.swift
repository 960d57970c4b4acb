import Tracking

extension TrackingDecision {
    /// Whether so many recipients get one copy with one set of tokens: then no hit tells of one of them.
    func isShared(by count: Int) -> Bool { mode == .local && recipients == .shared && count > 1 }
}

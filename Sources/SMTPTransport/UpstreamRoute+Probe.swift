public import NIOCore

extension UpstreamRoute {
    /// Goes through greeting, STARTTLS and AUTH only to learn what the upstream offers; ``whenOffered`` is told.
    /// - Throws: ``UpstreamFailure`` where it does not come so far.
    public func probe(on group: any EventLoopGroup) async throws(UpstreamFailure) {
        try await UpstreamConnection.open(self, on: group).quit()
    }
}

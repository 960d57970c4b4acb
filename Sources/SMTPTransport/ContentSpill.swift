/// Takes a large content piece by piece, off the event loop.
public protocol ContentSpill: AnyObject, Sendable {
    /// Appends a piece.
    /// - Throws: where the disk does not take it; the client gets 452.
    func append(_ piece: [UInt8]) async throws
    /// Removes what was written: the message was refused or the client has gone.
    func discard()
}

/// A message's content as it came.
public enum ReceivedContent<Spill: ContentSpill>: Sendable {
    /// All of it.
    case memory([UInt8])
    /// In a spill, because it is larger than ``SMTPServer/memoryOctets``.
    case spilled(Spill)

    /// Removes what was written: nobody takes it.
    public func discard() {
        if case .spilled(let spill) = self { spill.discard() }
    }
}

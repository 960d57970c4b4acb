import Synchronization

/// Makes events into records: each has a number of its own, so that what is told twice is counted once.
public final class EventRecords: Sendable {
    private let number = Atomic<Int64>(Int64.random(in: 0...Int64.max >> 1))

    /// Records of one writer.
    public init() {}

    /// The event as a line of the journal.
    public func record(_ event: Event) -> [UInt8] {
        EventCoding.encode(event, number: number.wrappingAdd(1, ordering: .relaxed).newValue)
    }
}

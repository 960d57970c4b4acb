/// Something to be told of mail in the queue, such as that it was accepted or delivered; opaque here.
///
/// It becomes durable in one commit with what it tells of, and is kept until whoever is told has it for good: it is told
/// again after a crash, so the record says what it is.
public struct QueueNotice: Sendable, Hashable {
    /// Its place in the order of telling.
    public let number: Int64
    /// What is told.
    public let record: [UInt8]

    /// A notice with its place.
    public init(number: Int64, record: [UInt8]) {
        self.number = number
        self.record = record
    }
}

/// Takes notices in their order, without waiting for anything.
/// - Returns: how many it took; the rest is told again later.
public typealias QueueListener = @Sendable (_ notices: [QueueNotice]) -> Int

import MessageQueue

/// What a lease has come to so far, and what is to be told of it.
struct LeaseOutcome {
    /// By number of the recipient.
    var recipients: [Int: RecipientOutcome] = [:]
    /// Records that the queue does not have yet.
    private var records: [[UInt8]] = []

    init(recipients: [Int: RecipientOutcome] = [:]) { self.recipients = recipients }

    mutating func tell(_ record: [UInt8]) { records.append(record) }

    /// The records, for the queue.
    mutating func take() -> [[UInt8]] {
        defer { records = [] }
        return records
    }
}

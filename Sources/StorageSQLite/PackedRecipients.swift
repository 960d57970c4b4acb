import MessageQueue

/// The column `recipients`: `number US state US address US reply RS …`. Addresses and escaped replies hold no control
/// characters.
enum PackedRecipients {
    static func pack(_ recipients: [QueuedRecipient]) -> [UInt8] {
        var bytes: [UInt8] = []
        for recipient in recipients {
            for field in [String(recipient.number), recipient.state.rawValue, recipient.address, recipient.lastReply] {
                bytes.append(contentsOf: field.utf8.lazy.filter { $0 >= 0x20 })
                bytes.append(0x1F)
            }
            bytes[bytes.count - 1] = 0x1E
        }
        return bytes
    }

    /// All of them, or `nil`: a recipient that cannot be read must not be left out.
    static func unpack(_ bytes: [UInt8]) -> [QueuedRecipient]? {
        guard bytes.last == 0x1E else { return nil }
        var recipients: [QueuedRecipient] = []
        for record in bytes.dropLast().split(separator: 0x1E, omittingEmptySubsequences: false) {
            let fields = record.split(separator: 0x1F, omittingEmptySubsequences: false).compactMap {
                String(validating: $0, as: UTF8.self)
            }
            guard fields.count == 4, let number = Int(fields[0]), number >= 0, number > recipients.last?.number ?? -1,
                let state = QueuedRecipient.State(rawValue: fields[1]), !fields[2].isEmpty
            else { return nil }
            var recipient = QueuedRecipient(number: number, address: fields[2])
            recipient.state = state
            recipient.lastReply = fields[3]
            recipients.append(recipient)
        }
        return recipients
    }
}

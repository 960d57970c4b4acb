import Tracking

/// Events as lines of the journal: a number that makes each unique, then fields between US (0x1F), ended by LF.
public enum EventCoding {
    /// One line.
    public static func encode(_ event: Event, number: Int64) -> [UInt8] {
        switch event {
        case .message(let record):
            return line(
                number, "M2", record.message, record.time,
                [
                    record.queueID, record.tag, record.fromDomain, record.untracked, record.privacy.rawValue,
                    record.subject, record.isShared ? "S" : "",
                ] + record.recipients)
        case .delivery(let record):
            return line(
                number, "D2", record.message, record.time,
                [
                    String(record.recipient), record.status, record.upstream, record.reply, record.passedThrough,
                    record.isTracked ? "1" : "0", encode(record.links),
                    record.shared.map { "\($0.number) \($0.recipients)" } ?? "",
                ])
        case .hit(let record):
            return line(
                number, record.kind == .open ? "O" : "C", record.message, record.time,
                [
                    String(record.recipient), record.link.map(String.init) ?? "", record.url, record.client,
                    record.agent, record.purpose, (record.isHead ? "H" : "") + (record.isPrivate ? "P" : ""),
                ])
        }
    }

    /// `NAME=COUNT`, by name.
    public static func encode(_ links: [String: Int]) -> String {
        links.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    /// Reads what `encode` writes.
    public static func links(_ text: String) -> [String: Int] {
        var result: [String: Int] = [:]
        for pair in text.split(separator: " ") {
            let halves = pair.split(separator: "=")
            if halves.count == 2, let count = Int(halves[1]), 0...1_000_000 ~= count {
                result[String(halves[0])] = count
            }
        }
        return result
    }

    private static func line(
        _ number: Int64, _ kind: String, _ message: TrackingMessageID, _ time: Int64, _ fields: [String]
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(128)
        bytes.append(contentsOf: "\(number)\u{1F}\(kind)\u{1F}\(message)\u{1F}\(time)".utf8)
        for field in fields {
            bytes.append(0x1F)
            // No field may hold a separator; addresses and escaped texts do not, and what does loses it.
            for byte in field.utf8 where byte >= 0x20 { bytes.append(byte) }
        }
        bytes.append(0x0A)
        return bytes
    }

    /// What a journal from elsewhere may say: far from where sums would overflow.
    private static let times: ClosedRange<Int64> = 0...(1 << 45)
    private static let numbers = 0...(1 << 28)

    /// Reads a line without its LF; `nil` for a torn or foreign one.
    public static func decode(_ line: some Collection<UInt8>) -> (number: Int64, event: Event)? {
        var fields = line.split(separator: 0x1F, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard fields.count >= 8, let number = Int64(fields[0]), let message = TrackingMessageID(hexadecimal: fields[2]),
            let time = Int64(fields[3]), times.contains(time)
        else { return nil }
        let kind = fields[1]
        fields.removeFirst(4)
        switch kind {
        // "M" and "D" stand in older journals, which knew of no shared copy.
        case "M", "M2": return messageRecord(fields, message, time, isOld: kind == "M").map { (number, .message($0)) }
        case "D", "D2": return deliveryRecord(fields, message, time, isOld: kind == "D").map { (number, .delivery($0)) }
        case "O", "C":
            guard fields.count == 7, let recipient = Int(fields[0]), numbers.contains(recipient) else {
                return nil
            }
            let record = HitRecord(
                message: message, time: time, kind: kind == "O" ? .open : .click, recipient: recipient,
                link: Int(fields[1]).flatMap { numbers.contains($0) ? $0 : nil }, url: fields[2], client: fields[3],
                agent: fields[4], purpose: fields[5],
                isHead: fields[6].contains("H"), isPrivate: fields[6].contains("P"))
            return (number, .hit(record))
        default: return nil
        }
    }

    private static func messageRecord(
        _ fields: [String], _ message: TrackingMessageID, _ time: Int64, isOld: Bool
    ) -> MessageRecord? {
        let head = isOld ? 6 : 7
        guard fields.count >= head, let privacy = Privacy(rawValue: fields[4]),
            fields[1].isEmpty || TagName(fields[1]) != nil
        else { return nil }
        return MessageRecord(
            message: message, time: time, queueID: fields[0], tag: fields[1], fromDomain: fields[2],
            recipients: Array(fields[head...]), untracked: fields[3], privacy: privacy, subject: fields[5],
            isShared: !isOld && fields[6].contains("S"))
    }

    private static func deliveryRecord(
        _ fields: [String], _ message: TrackingMessageID, _ time: Int64, isOld: Bool
    ) -> DeliveryRecord? {
        guard fields.count == (isOld ? 7 : 8), let recipient = Int(fields[0]), numbers.contains(recipient) else {
            return nil
        }
        let copy = isOld ? [] : fields[7].split(separator: " ").compactMap { Int($0) }
        guard copy.allSatisfy(numbers.contains), copy.count == 2 || isOld || fields[7].isEmpty else { return nil }
        return DeliveryRecord(
            message: message, time: time, recipient: recipient, status: fields[1], upstream: fields[2],
            reply: fields[3], passedThrough: fields[4], isTracked: fields[5] == "1", links: links(fields[6]),
            shared: copy.count == 2 ? SharedCopy(number: copy[0], recipients: copy[1]) : nil)
    }
}

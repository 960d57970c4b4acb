import Foundation
import SMTPProtocol
import SMTPTransport
import Synchronization

/// A fault: what happens at a command, for whom, how often.
public struct Fault: Codable, Sendable, Hashable {
    /// What happens.
    public enum Action: String, Codable, Sendable, CaseIterable {
        /// `reply` is said in place of the usual words; the command has no effect.
        case reply
        /// `reply` is said, then the connection ends.
        case disconnect
        /// The connection ends without a word.
        case hangUp = "hang-up"
        /// At `content` only: the message is taken over (and captured), then the connection ends without a word.
        case acceptAndHangUp = "accept-and-hang-up"
        /// `milliseconds` pass first.
        case delay
    }

    /// `connect`, `EHLO`, `HELO`, `STARTTLS`, `AUTH`, `MAIL`, `RCPT`, `DATA`, `content`, `RSET`, `NOOP` or `QUIT`.
    public var at: String
    /// What happens.
    public var action: Action
    /// Whose: an address, `*@domain`, or nothing for everybody. MAIL: the sender; RCPT and content: the (first) recipient.
    public var address: String?
    /// Code, enhanced code if any, and text: `451 4.3.0 try later`.
    public var reply: String?
    /// For `delay`.
    public var milliseconds: Int?
    /// How often; nothing for always.
    public var times: Int?

    /// A fault.
    public init(
        at: String, action: Action, address: String? = nil, reply: String? = nil, milliseconds: Int? = nil,
        times: Int? = nil
    ) {
        self.at = at
        self.action = action
        self.address = address
        self.reply = reply
        self.milliseconds = milliseconds
        self.times = times
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case at, action, address, reply, milliseconds, times
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Reads a fault; a key that is none is an error, since a fault that was meant would not happen.
    public init(from decoder: any Decoder) throws {
        let known = CodingKeys.allCases.map(\.rawValue)
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription: "\"\(key.stringValue)\" is no key of a fault; there are "
                        + known.joined(separator: ", ")))
        }
        let values = try decoder.container(keyedBy: CodingKeys.self)
        at = try values.decode(String.self, forKey: .at)
        action = try values.decode(Action.self, forKey: .action)
        address = try values.decodeIfPresent(String.self, forKey: .address)
        reply = try values.decodeIfPresent(String.self, forKey: .reply)
        milliseconds = try values.decodeIfPresent(Int.self, forKey: .milliseconds)
        times = try values.decodeIfPresent(Int.self, forKey: .times)
    }

    static let events = [
        "connect", "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "content", "RSET", "NOOP", "QUIT",
    ]

    var defect: String? {
        if !Self.events.contains(at) {
            return "\"at\" must be one of \(Self.events.joined(separator: ", ")), not \"\(at)\""
        }
        switch action {
        case .reply, .disconnect:
            return parsedReply == nil ? "\"\(action.rawValue)\" needs \"reply\": \"CODE TEXT\"" : nil
        case .delay: return (milliseconds ?? -1) < 0 ? "\"delay\" needs \"milliseconds\"" : nil
        case .acceptAndHangUp: return at == "content" ? nil : "\"accept-and-hang-up\" is for \"content\" only"
        case .hangUp: return nil
        }
    }

    var parsedReply: Reply? {
        guard let reply, let code = Int(reply.prefix(3)), 200...599 ~= code else { return nil }
        var text = reply.dropFirst(4)
        let word = text.prefix { $0 != " " }
        let status = EnhancedStatusCode(word)
        if status != nil { text = text.dropFirst(word.count + 1) }
        return Reply(code, status, String(text))
    }

    func fits(_ event: String, _ argument: String) -> Bool {
        guard event == at else { return false }
        guard let address = address?.lowercased(), address != "*" else { return true }
        let argument = argument.lowercased()
        return address.hasPrefix("*@") ? argument.hasSuffix(address.dropFirst()) : argument == address
    }
}

/// The faults of an upstream, in order; the first that fits and is not used up happens.
public final class FaultScript: Sendable {
    /// Why a script cannot be used.
    public struct Defect: Error, Sendable, Hashable, CustomStringConvertible {
        /// What is wrong.
        public let description: String
    }

    private let faults: Mutex<[Fault]>

    /// A script.
    /// - Throws: ``Defect`` naming the entry.
    public init(_ faults: [Fault]) throws {
        for (index, fault) in faults.enumerated() {
            if let defect = fault.defect { throw Defect(description: "entry \(index + 1): \(defect)") }
        }
        self.faults = Mutex(faults)
    }

    /// Reads a JSON list of faults.
    /// - Throws: ``Defect``.
    public convenience init(json: [UInt8]) throws {
        let list: [Fault]
        do {
            list = try JSONDecoder().decode([Fault].self, from: Data(json))
        } catch let DecodingError.dataCorrupted(context) {
            let entry = context.codingPath.first?.intValue.map { "entry \($0 + 1): " } ?? ""
            throw Defect(description: "not a JSON list of faults: \(entry)\(context.debugDescription)")
        } catch {
            throw Defect(
                description:
                    "not a JSON list of faults such as [{\"at\": \"RCPT\", \"action\": \"reply\", \"reply\": \"550 no\"}]: \(error)"
            )
        }
        try self.init(list)
    }

    /// Adds a fault while the upstream runs.
    /// - Throws: ``Defect``.
    public func add(_ fault: Fault) throws {
        if let defect = fault.defect { throw Defect(description: defect) }
        faults.withLock { $0.append(fault) }
    }

    /// Removes all faults.
    public func clear() { faults.withLock { $0 = [] } }

    func next(at event: String, _ argument: String) -> Fault? {
        faults.withLock { faults in
            guard let index = faults.firstIndex(where: { $0.fits(event, argument) && ($0.times ?? 1) > 0 }) else {
                return nil
            }
            let fault = faults[index]
            faults[index].times = fault.times.map { $0 - 1 }
            return fault
        }
    }
}

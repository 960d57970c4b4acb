import Tracking

/// What is known of a request.
public struct HitFacts: Sendable, Hashable {
    /// Whether the method is HEAD.
    public var isHead: Bool
    /// User-Agent; empty where there is none.
    public var agent: String
    /// `Sec-Purpose`, `Purpose` or `X-Moz`, whichever is there.
    public var purpose: String
    /// The client's address, whole or cut to a network; empty where it is not kept.
    public var client: String

    /// Facts with all their parts.
    public init(isHead: Bool, agent: String, purpose: String, client: String) {
        self.isHead = isHead
        self.agent = agent
        self.purpose = purpose
        self.client = client
    }
}

/// Tells people from machines: the lines of `hit-classes.conf`, of which the first that fits gives the class.
public struct HitRules: Sendable {
    /// A line that cannot be read.
    public struct Defect: Error, Sendable, Equatable, CustomStringConvertible {
        /// From 1.
        public let line: Int
        /// What is wrong and what would be right.
        public let message: String
        /// `LINE: MESSAGE`.
        public var description: String { "\(line): \(message)" }
    }

    private enum Condition: Sendable {
        case head
        case purpose(Glob)
        case network(IPNetwork)
        case noAgent
        case agent(Glob)
    }

    private var lines: [(condition: Condition, verdict: HitVerdict)] = []
    /// A hit so many milliseconds after the upstream's 250, or before it, is a machine's; `nil` for no such rule.
    public private(set) var afterDelivery: Int64?
    /// So many different links of one copy from one source within so many milliseconds are a machine's.
    public private(set) var burst: (links: Int, milliseconds: Int64)?

    /// The rules that are shipped.
    public static let shippedText = String(decoding: PackageResources.hit_classes_conf, as: UTF8.self)

    /// ``shippedText``, read.
    public static let shipped: HitRules = {
        // The text is part of the program and a test reads it.
        (try? HitRules(parsing: shippedText)) ?? HitRules()
    }()

    private init() {}

    /// Reads a file's text.
    /// - Throws: ``Defect``.
    public init(parsing text: String) throws(Defect) {
        for line in TextLines.entries(text.utf8) {
            let words = line.words
            let first = words.first ?? ""
            guard let hitClass = HitClass(rawValue: first) else {
                let known = HitClass.allCases.map(\.rawValue).joined(separator: ", ")
                throw Defect(line: line.number, message: "\"\(first.prefix(40))\" is no class; known: \(known)")
            }
            try add(hitClass, Array(words.dropFirst()), line: line.number)
        }
    }

    private mutating func add(_ hitClass: HitClass, _ words: [String], line: Int) throws(Defect) {
        let verdict = HitVerdict(hitClass, words.joined(separator: " "))
        let value = words.dropFirst().joined(separator: " ")
        func need(_ isGood: Bool, _ shape: String) throws(Defect) {
            if !isGood { throw Defect(line: line, message: "expected \"\(hitClass.rawValue) \(shape)\"") }
        }
        switch words.first {
        case "method":
            try need(value == "HEAD", "method HEAD")
            lines.append((.head, verdict))
        case "purpose":
            try need(!value.isEmpty, "purpose GLOB")
            lines.append((.purpose(Glob(value)), verdict))
        case "network":
            guard let network = IPNetwork(value) else { return try need(false, "network 192.0.2.0/24") }
            lines.append((.network(network), verdict))
        case "no-agent":
            try need(value.isEmpty, "no-agent")
            lines.append((.noAgent, .noAgent(hitClass)))
        case "agent":
            try need(!value.isEmpty, "agent GLOB")
            lines.append((.agent(Glob(value)), verdict))
        case "after-250":
            guard let time = Self.milliseconds(value) else { return try need(false, "after-250 2s") }
            try need(hitClass == .scanner, "after-250 2s as a scanner")
            afterDelivery = time
        case "burst":
            guard words.count == 3, let count = Int(words[1]), count >= 2, count <= 100,
                let time = Self.milliseconds(words[2])
            else { return try need(false, "burst 3 5s") }
            try need(hitClass == .scanner, "burst 3 5s as a scanner")
            burst = (count, time)
        default:
            throw Defect(
                line: line,
                message: "a class is followed by method, purpose, network, no-agent, agent, after-250 or burst")
        }
    }

    private static func milliseconds(_ text: String) -> Int64? {
        guard let time = Quantity.duration(text), time <= .seconds(3_600) else { return nil }
        return Int64(time / .milliseconds(1))
    }

    /// The class by the request alone.
    /// - Parameter keptAgent: what the agent rules said when the whole agent was known, where only its family is left.
    public func classify(_ facts: HitFacts, agentVerdict keptAgent: HitVerdict) -> HitVerdict {
        // The line that spoke then speaks now where the file still has it, in its place and for its class.
        let same = lines.firstIndex { line in
            if case .agent = line.condition { line.verdict.evidence == keptAgent.evidence } else { false }
        }
        if let same { return classify(facts, agentAt: same) }
        // Else what was said stands, at the place of the first line about agents.
        let first = lines.firstIndex { if case .agent = $0.condition { true } else { false } } ?? lines.count
        let isAbsent = keptAgent.basis == .noAgent
        let place = keptAgent.hitClass == .human ? lines.count : isAbsent ? place(ofAgent: "") : first
        return classify(facts, agentAt: place) { $0 == place && !isAbsent ? keptAgent : nil }
    }

    /// The class by the request alone.
    /// - Parameter agentAt: ``place(ofAgent:)`` of the agent, which whoever sees the same agents again remembers.
    public func classify(_ facts: HitFacts, agentAt place: Int? = nil) -> HitVerdict {
        classify(facts, agentAt: place ?? self.place(ofAgent: facts.agent)) { _ in nil }
    }

    private func classify(_ facts: HitFacts, agentAt place: Int, kept: (Int) -> HitVerdict?) -> HitVerdict {
        // A cut address lies in a network where its first address does and the network is no finer.
        let network = IPNetwork(facts.client.prefix { $0 != "%" })
        for line in lines[..<min(place, lines.count)] {
            let fits =
                switch line.condition {
                case .head: facts.isHead
                case .purpose(let glob): !facts.purpose.isEmpty && glob.matches(facts.purpose)
                case .network(let block):
                    network.map { $0.prefixLength >= block.prefixLength && block.contains($0.address) } ?? false
                case .noAgent, .agent: false
                }
            if fits { return line.verdict }
        }
        guard place < lines.count else { return .human }
        return kept(place) ?? lines[place].verdict
    }

    /// The first line that fits a user agent; the number of lines where none does.
    public func place(ofAgent agent: String) -> Int {
        let octets = Array(agent.utf8)
        return lines.firstIndex { line in
            switch line.condition {
            case .agent(let glob): glob.matches(octets)
            case .noAgent: octets.isEmpty
            case .head, .purpose, .network: false
            }
        } ?? lines.count
    }

    /// The verdict of a line that fits an agent; `nil` where none does.
    public func agentVerdict(at place: Int) -> HitVerdict? {
        lines.indices.contains(place) ? lines[place].verdict : nil
    }

    /// The verdict on a hit that nothing else speaks against, by the time of its copy's delivery.
    /// - Parameters:
    ///   - time: of the hit, milliseconds since 1970.
    ///   - delivered: of the upstream's 250.
    public func verdict(at time: Int64, delivered: Int64) -> HitVerdict? {
        guard let afterDelivery, time < delivered + afterDelivery else { return nil }
        let distance = abs(time - delivered)
        let seconds = "\(distance / 1_000).\(distance % 1_000 / 100) s"
        return HitVerdict(
            .scanner, "\(seconds) \(time < delivered ? "before" : "after") the upstream's 250", .delivery)
    }

    /// The verdict on hits that came in a burst.
    public var burstVerdict: HitVerdict {
        HitVerdict(
            .scanner,
            "burst: \(burst?.links ?? 0) or more links from one source in \((burst?.milliseconds ?? 0) / 1_000) s",
            .burst)
    }
}

/// What is worked out of user agents, which many hits share.
struct KnownAgents {
    private static let maximum = 4_096

    /// The line that speaks of it, what that says, and its family.
    struct Agent {
        let place: Int
        let said: HitVerdict?
        let family: String
    }

    private let rules: HitRules
    private var agents: [String: Agent] = [:]

    init(_ rules: HitRules) { self.rules = rules }

    subscript(_ text: String) -> Agent {
        mutating get {
            if let known = agents[text] { return known }
            if agents.count > Self.maximum { agents.removeAll(keepingCapacity: true) }
            let place = rules.place(ofAgent: text)
            let agent = Agent(place: place, said: rules.agentVerdict(at: place), family: Pseudonym.agent(text))
            agents[text] = agent
            return agent
        }
    }
}

/// A row: replies with this code, this text and at this command where they are given, mean this.
public struct ReplyRow: Sendable, Hashable {
    /// 400–599.
    public let code: Int
    /// Must occur in the text, without regard to ASCII case; empty for any text.
    public let text: String
    /// The command that was answered; `nil` for any.
    public let phase: DialoguePhase?
    /// What it means.
    public let verdict: ReplyVerdict
    /// Why, for people.
    public let sentence: String

    /// A row with all its parts.
    public init(
        code: Int, text: String = "", phase: DialoguePhase? = nil, verdict: ReplyVerdict, sentence: String
    ) {
        self.code = code
        self.text = text
        self.phase = phase
        self.verdict = verdict
        self.sentence = sentence
    }

    func fits(_ result: RecipientReply, lowercased words: String) -> Bool {
        code == result.reply.code && (phase ?? result.phase) == result.phase
            && (text.isEmpty || words.contains(text.lowercased()))
    }
}

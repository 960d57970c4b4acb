/// What the end of a connection means for the mail on its way.
public enum MailStanding: Sendable, Hashable {
    /// There is none, or all is said on it.
    case none
    /// The server has said nothing on it: another connection may fare better.
    case unanswered
    /// The server has spoken, and has not got the whole content: it cannot have taken the mail.
    case notTaken
    /// The content is out whole, and there is no verdict: the server may have the mail or not.
    case awaitsVerdict
}

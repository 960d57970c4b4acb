/// Where in a dialogue a reply came.
public enum DialoguePhase: String, Sendable, CaseIterable {
    case connect = "connect"
    case greeting = "greeting"
    case hello = "EHLO"
    case startTLS = "STARTTLS"
    case authentication = "AUTH"
    case mail = "MAIL"
    case recipient = "RCPT"
    case data = "DATA"
    case content = "content"
    case quit = "QUIT"
}

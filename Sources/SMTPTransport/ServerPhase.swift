/// What a connection is waiting for; each has its deadline, and only two take input.
enum ServerPhase<Spill: ContentSpill> {
    /// TLS.
    case handshake
    /// The end of the quiet before the banner.
    case silence
    /// The client's next command.
    case commands
    /// The client's content.
    case content(IncomingContent<Spill>)
    /// The owner's verdict, or room for a piece of the content that is named; `number` tells one wait from the next.
    case verdict(number: Int, IncomingContent<Spill>?)
    /// The last reply to go out.
    case goodbye

    /// Whether bytes of the client are worked on.
    var takesInput: Bool {
        switch self {
        case .commands, .content: true
        case .handshake, .silence, .verdict, .goodbye: false
        }
    }

    /// The content that ends with the connection.
    var content: IncomingContent<Spill>? {
        switch self {
        case .content(let content): content
        case .verdict(_, let content): content
        case .handshake, .silence, .commands, .goodbye: nil
        }
    }
}

import MailMessage

/// What a verified token says.
public struct Token: Sendable, Equatable {
    /// A pixel or a numbered link with its target.
    public enum Content: Sendable, Equatable {
        /// The open pixel.
        case open
        /// Link `number` (from 0; those of HTML parts first, then those of text parts), leading to `target`.
        case click(number: Int, target: [UInt8])
    }

    /// The message it was made for.
    public let message: TrackingMessageID
    /// Number of the recipient in the envelope, from 0.
    public let recipient: Int
    /// Pixel or link.
    public let content: Content

    /// A token with all its parts.
    public init(message: TrackingMessageID, recipient: Int, content: Content) {
        self.message = message
        self.recipient = recipient
        self.content = content
    }

    /// Pixel or link, without the payload.
    public var kind: TokenKind {
        switch content {
        case .open: .open
        case .click: .click
        }
    }
}

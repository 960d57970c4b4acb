/// A message's content as pieces that are sent one after the other; slices of the original and of replacements.
public struct OutgoingContent: Sendable {
    /// The pieces, in order; lines end with CRLF.
    public let pieces: [ArraySlice<UInt8>]

    /// A content.
    public init(pieces: [ArraySlice<UInt8>]) { self.pieces = pieces }

    /// All of it in one piece.
    public var joined: [UInt8] { pieces.count == 1 ? Array(pieces[0]) : pieces.flatMap { $0 } }
}

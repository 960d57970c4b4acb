import SMTPProtocol

/// What is still to be sent of a content, dot-stuffed (RFC 5321 §4.5.2) as it goes.
struct UnsentContent {
    private var piece: ArraySlice<UInt8> = []
    private var pieces: ArraySlice<ArraySlice<UInt8>>
    private var stuffer = DotStuffer()

    /// All of a content.
    init(_ content: OutgoingContent) { pieces = content.pieces[...] }

    /// Whether the last chunk, with the end of the content, has been taken; one is taken at least.
    var isEmpty: Bool { piece.isEmpty && pieces.isEmpty }

    /// Takes about so many octets; those of the last chunk end the content.
    mutating func next(_ octets: Int) -> [UInt8] {
        var chunk: [UInt8] = []
        chunk.reserveCapacity(octets + 1_024)
        while chunk.count < octets {
            if piece.isEmpty {
                guard let next = pieces.popFirst() else { break }
                piece = next
            }
            let part = piece.prefix(octets)
            stuffer.stuff(part, into: &chunk)
            piece = piece.dropFirst(part.count)
        }
        while piece.isEmpty, let empty = pieces.first, empty.isEmpty { pieces.removeFirst() }
        if isEmpty { stuffer.finish(into: &chunk) }
        return chunk
    }
}

import HTMLRewriting
import MailMessage

/// One leaf, decoded and with every decision taken: only the tokens are missing.
struct PreparedPart {
    /// A place in the text that gets a tracked link.
    struct LinkPlace {
        let range: Range<Int>
        let quoting: Quoting
        let number: Int
        /// What the token leads to.
        let target: [UInt8]
        /// In plain text: whether something has to stand between the token and what follows.
        let closes: Bool
    }

    /// Index in the MIME tree.
    let index: Int
    let text: PartText
    let isHTML: Bool
    var links: [LinkPlace] = []
    /// Ranges of charset declarations to overwrite with `UTF-8`.
    var declarations: [Range<Int>] = []
    /// Where the pixel goes.
    var pixel: Int?
    /// Insertions that the vendor's rules ask for (a `<body>` element).
    var insertions: [(Int, [UInt8])] = []
    /// The links that were found, for the self-check.
    var found: [(value: Range<Int>, url: [UInt8])] = []
    /// Plain text whose flowed lines end in a blank that is deleted (RFC 3676 §4.2).
    var deletesSpaces = false
    /// The images that were found, for the self-check.
    var images = 0

    init(index: Int, text: PartText, isHTML: Bool) {
        self.index = index
        self.text = text
        self.isHTML = isHTML
    }

    /// The edits that put one recipient's tokens into the text.
    /// - Throws: where the key is gone or edits collide.
    func edits(_ tokens: TokenURLs, recipient: Int) throws(PassThrough) -> SpliceList {
        var edits = SpliceList()
        do {
            for place in links {
                guard let url = tokens.click(recipient: recipient, number: place.number, target: place.target) else {
                    throw PassThrough(.noKey)
                }
                let value =
                    isHTML ? HTMLAttributeValue.escaped(url, for: place.quoting) : Self.closed(url, place.closes)
                try edits.add(Splice(range: place.range, replacement: value))
            }
            for range in declarations { try edits.add(Splice(range: range, replacement: Array("UTF-8".utf8))) }
            for (offset, bytes) in insertions { try edits.insert(bytes, at: offset) }
            if let pixel {
                guard let url = tokens.open(recipient: recipient) else { throw PassThrough(.noKey) }
                try edits.insert(TokenURLs.image(url), at: pixel)
            }
        } catch let reason as PassThrough {
            throw reason
        } catch {
            throw PassThrough(.selfCheckFailed)
        }
        return edits
    }
}

extension PreparedPart {
    /// Octets that ``closed(_:)`` may add.
    static let closingOctets = 2

    /// A URL for plain text: mail clients leave `_` and `-` out at its end, and some take along what follows, so that
    /// something has to stand between; the tracking host ignores what stands behind `?`.
    private static func closed(_ url: [UInt8], _ closes: Bool) -> [UInt8] {
        closes || url.last == UInt8(ascii: "_") || url.last == UInt8(ascii: "-") ? url + Array("?x".utf8) : url
    }
}

/// The URLs that carry tokens.
struct TokenURLs {
    let codec: TokenCodec
    let key: KeyID
    let baseURL: BaseURL
    let message: TrackingMessageID

    func click(recipient: Int, number: Int, target: [UInt8]) -> [UInt8]? {
        let content = Token.Content.click(number: number, target: target)
        return url(Token(message: message, recipient: recipient, content: content), suffix: "")
    }

    func open(recipient: Int) -> [UInt8]? {
        url(Token(message: message, recipient: recipient, content: .open), suffix: ".gif")
    }

    /// Length of the click URL of a link, without making it: the same for every recipient below 16,384.
    func clickURLOctets(target: Int, number: Int) -> Int {
        let numbers = 2 + TokenCodec.octets(of: number)
        let token = 2 + TrackingMessageID.octetCount + numbers + target + TokenLimits.codeOctets
        return baseURL.bytes.count + 3 + (token * 4 + 2) / 3
    }

    private func url(_ token: Token, suffix: String) -> [UInt8]? {
        guard let text = codec.encode(token, key: key) else { return nil }
        var bytes = baseURL.bytes
        bytes.reserveCapacity(bytes.count + 3 + text.count + suffix.utf8.count)
        bytes.append(contentsOf: "/\(token.kind.pathSegment)/".utf8)
        bytes.append(contentsOf: text)
        bytes.append(contentsOf: suffix.utf8)
        return bytes
    }

    /// The pixel's element.
    static func image(_ url: [UInt8]) -> [UInt8] {
        Array("<img src=\"".utf8) + HTMLAttributeValue.escaped(url, for: .double)
            + Array("\" width=\"1\" height=\"1\" alt=\"\" border=\"0\" style=\"height:1px;width:1px;border:0\">".utf8)
    }
}

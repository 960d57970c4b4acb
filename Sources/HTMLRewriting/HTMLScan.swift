/// A link by the range of its address.
public struct HTMLLink: Sendable {
    /// The element that carries it.
    public enum Element: String, Sendable {
        /// `<a href>`.
        case a
        /// `<area href>`.
        case area
        /// A VML element with `href` in an Outlook conditional comment.
        case vml
    }

    /// The element that carries it.
    public let element: Element
    /// Bytes of the attribute's value, without quotes.
    public let value: Range<Int>
    /// How the value is written.
    public let quoting: Quoting
    /// What a browser would request: references decoded, white space trimmed, inner tabs and line ends dropped.
    public let url: [UInt8]
    /// The tag's attributes as they are written.
    public let attributes: [RawAttribute]
    /// Source between the start tag and what ends it; `nil` for elements without text.
    public let text: Range<Int>?

    /// The attribute of a name, given in lower case; the first where there are several, as a browser reads them.
    public func attribute(_ name: StaticString, in html: [UInt8]) -> RawAttribute? {
        attributes.first { $0.isNamed(name, in: html) }
    }
}

/// Places where the pixel may go.
public struct PixelPlaces: Sendable, Equatable {
    /// In front of the last end tag of `body`.
    public internal(set) var beforeBodyEnd: Int?
    /// Behind the first start tag of `body`.
    public internal(set) var afterBodyStart: Int?
    /// In front of the last end tag of `html`.
    public internal(set) var beforeHTMLEnd: Int?
    /// The document's end.
    public let end: Int
    /// The first place where an image may stand when nothing else is known: behind DOCTYPE, `<html>` and all that belongs
    /// to the head, stated or not.
    public internal(set) var top = 0
    /// What the document's end would swallow an image with.
    public internal(set) var unclosed: UnclosedConstruct?
    /// Whether an image is shown at all: not in a frameset (§13.2.6.4.20).
    public internal(set) var hasPlace = true
}

/// What rewriting needs to know of a document: links, charset declarations, places for the pixel.
public struct HTMLScan: Sendable {
    /// Links that are looked at; a document with more is not meant for people.
    public static let maximumLinks = 20_000

    /// Links in the order of the document, at most ``maximumLinks``.
    public let links: [HTMLLink]
    /// Ranges of the labels in `<meta charset>`, `<meta http-equiv=content-type>` and an XML declaration, in the order in
    /// which they count (HTML §13.2.3.2); none is empty.
    public let charsetDeclarations: [Range<Int>]
    /// Places for the pixel.
    public let pixel: PixelPlaces
    /// Images that a reader sees: start tags of `img`, not in what swallows them.
    public let images: Int

    /// Whether anything shows: text, an image, a form field, a rule.
    public let hasContent: Bool

    /// Scans a document of UTF-8 or another ASCII superset, in one pass.
    public init(_ html: [UInt8]) {
        var scanner = HTMLScanner(html, in: html.indices, inConditionalComment: false)
        scanner.run()
        links = scanner.links
        charsetDeclarations = scanner.charsetDeclarations
        pixel = scanner.pixel
        images = scanner.images
        hasContent = scanner.hasContent
    }
}

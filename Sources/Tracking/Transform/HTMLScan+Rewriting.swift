import HTMLRewriting

extension PixelPlaces {
    /// The `<body>` element that Direct Mail asks for (§7), where the document has none. What swallows the document's end
    /// would swallow an end tag too, and a browser does without; a frameset has no body.
    var bodyElement: [(Int, [UInt8])] {
        guard afterBodyStart == nil, hasPlace else { return [] }
        let start = [(top, Array("<body>".utf8))]
        let end = beforeBodyEnd ?? beforeHTMLEnd ?? self.end
        guard unclosed == nil, beforeBodyEnd == nil, end >= top else { return start }
        return start + [(end, Array("</body>".utf8))]
    }
}

extension HTMLScan {
    /// Whether a charset declaration needs no change.
    static func namesUTF8(_ label: ArraySlice<UInt8>) -> Bool {
        ["utf-8", "utf8"].contains(String(decoding: label, as: UTF8.self).lowercased())
    }
}

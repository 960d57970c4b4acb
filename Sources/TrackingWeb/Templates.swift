import Mustache

/// The console's pages, made of the templates in Resources.
struct Templates: Sendable {
    private let library: MustacheLibrary

    /// Reads the templates, which are part of the program.
    init() throws {
        MustacheContentTypes.register(EscapedHTML(), named: "ESCAPED")
        var library = MustacheLibrary()
        let files = [
            "head": PackageResources.head_mustache, "foot": PackageResources.foot_mustache,
            "figures": PackageResources.figures_mustache, "span": PackageResources.span_mustache,
            "chart": PackageResources.chart_mustache, "words": PackageResources.words_mustache,
            "feedtable": PackageResources.feedtable_mustache, "overview": PackageResources.overview_mustache,
            "feed": PackageResources.feed_mustache, "tag": PackageResources.tag_mustache,
            "messages": PackageResources.messages_mustache, "message": PackageResources.message_mustache,
            "queue": PackageResources.queue_mustache, "health": PackageResources.health_mustache,
            "login": PackageResources.login_mustache, "error": PackageResources.error_mustache,
        ]
        for (name, octets) in files {
            try library.register(
                "{{% CONTENT_TYPE:ESCAPED}}" + String(decoding: octets, as: UTF8.self), named: name)
        }
        self.library = library
    }

    func render(_ name: String, _ values: [String: Any]) -> String { library.render(values, withTemplate: name) ?? "" }
}

/// HTML text and quoted attribute values. Mustache's own escapes by grapheme and lets a quote pass that a combining
/// mark follows.
struct EscapedHTML: MustacheContentType {
    func escapeText(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // Controls and what changes the direction of the text around it.
            case "\u{0}"..<"\u{20}" where scalar != "\n" && scalar != "\t", "\u{7F}"..<"\u{A0}",
                "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

import MailMessage
import TestSupport
import Testing
import Tracking

/// Hostile shapes: twice the input may take at most 2.3 times the time.
private let shapes: [(name: String, octets: Int, make: @Sendable (Int) -> [UInt8])] = [
    ("<", 1 << 17, { html(repeating: "<", $0) }), ("&", 1 << 17, { html(repeating: "&", $0) }),
    ("& in an address", 1 << 17, { html("<a href='http://a.b/", repeating: "&", $0, "'>") }),
    ("&# in an address", 1 << 17, { html("<a href='http://a.b/", repeating: "&#1", $0, "'>") }),
    ("attributes", 1 << 17, { html("<a href=http://a.b ", repeating: "b=c ", $0, ">") }),
    ("unclosed quotes", 1 << 17, { html(repeating: "<a href='", $0) }),
    ("comments", 1 << 17, { html(repeating: "<!--", $0) }), ("dashes", 1 << 17, { html("<!--", repeating: "-", $0) }),
    ("conditional comments", 1 << 17, { html(repeating: "<!--[if a]>", $0) }),
    ("conditional links", 1 << 16, { html(repeating: "<!--[if a]><v:a href='http://a.b'><![endif]-->", $0) }),
    ("svg", 1 << 17, { html(repeating: "<svg><a>", $0) }), ("</svg>", 1 << 17, { html(repeating: "</svg>", $0) }),
    ("foreign end tags", 1 << 16, { html(String(repeating: "<svg><g>", count: 300), repeating: "</x>", $0) }),
    ("CDATA", 1 << 17, { html("<svg>", repeating: "<![CDATA[]", $0) }),
    ("scripts", 1 << 17, { html("<script>", repeating: "<!--<script", $0) }),
    ("titles", 1 << 17, { html("<title>", repeating: "</titl", $0) }),
    ("links", 1 << 16, { html(repeating: "<a href=http://a.b>", $0) }),
    ("nested templates", 1 << 17, { html(repeating: "<template>", $0) }),
    ("= in quoted-printable", 1 << 17, { html(encoding: "quoted-printable", repeating: "=", $0) }),
    ("blanks in quoted-printable", 1 << 17, { html(encoding: "quoted-printable", repeating: "= ", $0) }),
    ("blank lines' ends", 1 << 17, { html(encoding: "quoted-printable", repeating: "   ", $0) }),
    ("= in base64", 1 << 17, { html(encoding: "base64", repeating: "AA=", $0) }),
    ("one line", 1 << 20, { html(repeating: "x", $0) }),
    ("boundary prefixes", 1 << 17, { message("multipart/mixed; boundary=bb", repeating: "--b\r\n", $0) }),
    ("boundaries with blanks", 1 << 17, { message("multipart/mixed; boundary=bb", repeating: "--bb -\r\n", $0) }),
    ("nesting", 1 << 15, { message("multipart/mixed; boundary=0", repeating: nested, $0) }),
    ("addresses in text", 1 << 16, { message("text/plain", repeating: "http://a.b/) ", $0) }),
    ("colons in text", 1 << 17, { message("text/plain", repeating: "http:", $0) }),
    ("unsubscribe addresses", 1 << 16, { header("List-Unsubscribe: ", repeating: "<http://a>,", $0) }),
    ("encoded words", 1 << 16, { header("List-Unsubscribe: ", repeating: "=?a?q?", $0) }),
    ("parameters", 1 << 16, { header("Content-Type: text/html; ", repeating: "a*0*=b;", $0) }),
    ("comments in a field", 1 << 16, { header("Content-Type: ", repeating: "(", $0) }),
    ("folded lines", 1 << 16, { header("X: ", repeating: "a\r\n ", $0) }),
]

private let nested = "--0\r\nContent-Type: multipart/mixed; boundary=1\r\n\r\n--1\r\n\r\n--1--\r\n"

private func fill(_ text: String, _ octets: Int) -> [UInt8] {
    let piece = Array(text.utf8)
    return (0..<octets / piece.count).reduce(into: []) { bytes, _ in bytes += piece }
}

private func message(_ type: String, repeating text: String, _ octets: Int) -> [UInt8] {
    Array("Content-Type: \(type)\r\n\r\n".utf8) + fill(text, octets) + Array("\r\n".utf8)
}

private func html(
    encoding: String = "8bit", _ start: String = "", repeating text: String, _ octets: Int, _ end: String = ""
) -> [UInt8] {
    Array("Content-Type: text/html\r\nContent-Transfer-Encoding: \(encoding)\r\n\r\n\(start)".utf8)
        + fill(text, octets) + Array("\(end)\r\n".utf8)
}

private func header(_ start: String, repeating text: String, _ octets: Int) -> [UInt8] {
    Array(start.utf8) + fill(text, octets) + Array("\r\n\r\nhttp://a.b\r\n".utf8)
}

@Suite(.serialized) struct LinearTimeTests {
    @Test(arguments: shapes.map(\.name))
    func twiceTheInputTakesTwiceTheTime(_ name: String) async throws {
        let shape = try #require(shapes.first { $0.name == name })
        let decision = try makeDecision { $0.textLinks = true }
        let id = try #require(TrackingMessageID(bytes: Array(0..<10)))
        let transform = MessageTransform(decision: decision, message: id, codec: try makeCodec())
        let ratio = try await onOwnThread {
            let messages = [shape.make(shape.octets), shape.make(shape.octets * 2)]
            // What a busy machine adds is not the transform's: the best of some tries counts for either size, two at
            // least, and a millisecond is nothing.
            var best = [Double.infinity, .infinity]
            var ratio = Double.infinity
            for round in 0..<15 where round < 2 || ratio > 2.3 {
                for (size, message) in messages.enumerated() {
                    let time = processorTime { _ = transform.prepare(message).render(recipient: 0) }
                    best[size] = min(best[size], time / .seconds(1))
                }
                ratio = (best[1] + 0.001) / (best[0] + 0.001)
            }
            return ratio
        }
        #expect(ratio <= 2.3, "\(name): twice the input takes \(ratio) times the time")
    }
}

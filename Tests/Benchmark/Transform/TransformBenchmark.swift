import Foundation
import HTMLRewriting
import MailMessage
import Relay
import Tracking

/// Speed of the transform and of its stages on one core, against memcpy of the same bytes in the same run:
/// `swift run -c release transform-benchmark [--folder F] [--mail TITLE] [--only STAGE] [--rounds N]`, which also writes
/// the documents to F for other programs. The last three are for a profiler: a title and a stage are taken by their
/// beginning, and N rounds without a clock are the same work at each run, whose instructions can be counted.
///
/// What bounds the whole: the document is decoded, scanned and encoded, and for the self-check decoded and scanned again;
/// the rest is allocation. What did not help: a table of octet classes in the quoted-printable encoder (a compare by words
/// of eight octets is twice as fast), memchr for each `=` (the same words, once more), counting escapes for an exact
/// capacity, and keeping glibc from trimming its heap, which gains a tenth here and nothing in the relay.
@main enum TransformBenchmark {
    static func main() throws {
        let folder = option("--folder")
        let utf8 = Document(chinese, share: 0.15)
        let gbk = Document(chinese, share: 0.5)
        let inJapanese = Document(japanese, share: 0.5)
        if let folder {
            try Data(utf8.html).write(to: URL(fileURLWithPath: folder + "/newsletter.html"))
            try Data(gbk.html).write(to: URL(fileURLWithPath: folder + "/gbk.html"))
        }
        try report("newsletter, quoted-printable, UTF-8", utf8, charset: "utf-8", encoding: "quoted-printable")
        try report("newsletter, base64, GBK", gbk, charset: "gbk", encoding: "base64")
        try report("newsletter, base64, ISO-2022-JP", inJapanese, charset: "iso-2022-jp", encoding: "base64")
        try report("newsletter, base64, Shift_JIS", inJapanese, charset: "shift_jis", encoding: "base64")
        try report("newsletter, base64, EUC-JP", inJapanese, charset: "euc-jp", encoding: "base64")
        try report(
            "newsletter, base64, Big5", Document(traditional, share: 0.5), charset: "big5", encoding: "base64")
        try report("newsletter, base64, EUC-KR", Document(korean, share: 0.5), charset: "euc-kr", encoding: "base64")
        try report(
            "newsletter, quoted-printable, windows-1252", Document(german, share: 0.5), charset: "windows-1252",
            encoding: "quoted-printable")
    }

    private static func option(_ name: String) -> String? {
        let place = CommandLine.arguments.firstIndex(of: name).map { $0 + 1 }
        return place.flatMap { CommandLine.arguments.indices.contains($0) ? CommandLine.arguments[$0] : nil }
    }

    private static func report(_ title: String, _ document: Document, charset label: String, encoding: String) throws {
        if let mail = option("--mail"), !title.hasPrefix(mail) { return }
        guard let charset = Charset(label: label) else { return }
        let html = document.html
        let raw = try charset.encodeFromUTF8(html)
        let body = encoding == "base64" ? Base64.encode(raw) : QuotedPrintable.encode(raw)
        let message =
            Array(
                ("From: a@shop.example\r\nTo: b@c.example\r\nMIME-Version: 1.0\r\n"
                    + "Content-Type: text/html; charset=\(label)\r\nContent-Transfer-Encoding: \(encoding)\r\n\r\n")
                    .utf8)
            + body
        print("\(title): \(html.count) octets of HTML, \(HTMLScan(html).links.count) links, mail of \(message.count)")
        let copy = measure("memcpy", html.count) {
            var copy = html; copy[0] = 0x3D; return copy.count
        }
        func stage(_ name: String, _ body: () -> Int) { _ = measure(name, html.count, against: copy, body) }
        stage("MIME tree") { (try? MIMETree.parse(message).parts.count) ?? 0 }
        if encoding == "base64" {
            stage("base64 decoded") { Base64.decode(body, in: body.indices).bytes.count }
        } else {
            stage("quoted-printable decoded") { QuotedPrintable.decode(body, in: body.indices).bytes.count }
        }
        stage("charset to UTF-8") { (try? charset.decodeToUTF8(raw).count) ?? 0 }
        stage("tokenizer alone") {
            var tokenizer = HTMLTokenizer(html)
            var count = 0
            while tokenizer.next() != nil { count += 1 }
            return count
        }
        stage("links and places") { HTMLScan(html).links.count }
        stage("quoted-printable encoded") { QuotedPrintable.encode(html).count }
        let transform = try Self.transform()
        let prepared = transform.prepare(message)
        stage("prepared (once a mail)") { transform.prepare(message).report.trackedLinks }
        stage("rendered (once a copy)") { prepared.render(recipient: 0).edits.splices.count }
        stage("whole transform") { transform.prepare(message).render(recipient: 0).edits.splices.count }
        guard case .tracked(let done) = prepared.render(recipient: 0).outcome, done.trackedLinks == 40 else {
            FileHandle.standardError.write(Data("the benchmark's mail was not tracked\n".utf8))
            exit(70)
        }
        print("")
    }

    private static func transform() throws -> MessageTransform {
        var ring = KeyRing(keys: [])
        _ = try TrackingKeys.add(to: &ring)
        let codec = try TrackingKeys.codec(ring)
        let policy = TagPolicy(baseURL: try BaseURL("https://track.example.com"))
        var generator = SystemRandomNumberGenerator()
        guard let tag = TagName("Test") else { exit(70) }
        return MessageTransform(
            decision: TrackingDecision(tag: tag, opens: true, clicks: true, policy: policy, keyID: codec.signingKey),
            message: TrackingMessageID(time: 0, using: &generator), codec: codec)
    }

    /// The best of 15 rounds of at least 20 ms: what else the machine does only ever adds.
    @discardableResult
    private static func measure(_ name: String, _ octets: Int, against base: Double? = nil, _ body: () -> Int) -> Double
    {
        if let only = option("--only"), !name.hasPrefix(only) { return 0 }
        let clock = ContinuousClock()
        var sink = 0
        if let fixed = option("--rounds").flatMap({ Int($0) }) {
            for _ in 0..<fixed { sink &+= body() }
            print("  \(name): \(fixed) rounds, \(sink)")
            return 0
        }
        var rounds = 1
        while clock.measure({ for _ in 0..<rounds { sink &+= body() } }) < .milliseconds(20) { rounds *= 2 }
        let times = (0..<15).map { _ in
            clock.measure { for _ in 0..<rounds { sink &+= body() } } / .seconds(1) / Double(rounds)
        }.sorted()
        if sink == .min { print("") }
        let speed = Double(octets) / times[0] / 1e6
        let ratio = base.map { "   1/" + String(format: "%.0f", $0 / speed) + " of memcpy" } ?? ""
        let label = name + String(repeating: " ", count: max(1, 28 - name.count))
        print("  \(label)\(String(format: "%8.0f MB/s %8.1f µs", speed, times[0] * 1e6))\(ratio)")
        return speed
    }
}

private let chinese = "您的订单已经发货感谢您的惠顾请查看下面的商品"
private let traditional = "您的訂單已經發貨感謝您的惠顧請查看下面的商品"
private let japanese = "ご注文の商品を発送いたしました。高橋様のご利用ありがとうございます"
private let korean = "주문하신 상품이 발송되었습니다 이용해 주셔서 감사합니다"
private let german = "Für Sie geprüft: schöne Größen, 5 € günstiger – bis Donnerstag"

/// A newsletter of about 45 KB with 40 links, the same at each run.
private struct Document {
    let html: [UInt8]

    init(_ foreign: String, share: Double) {
        var random = Random(state: 7)
        var text = """
            <!DOCTYPE html>
            <html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">
            <title>Order update</title>
            <style type="text/css">\n
            """
        for index in 0..<30 {
            text += "  .c\(index) { font-family: Arial, sans-serif; color: #33\(index)66; padding: 0 \(index)px }\n"
        }
        text += "</style></head>\n<body bgcolor=\"#ffffff\" style=\"margin:0\">\n<table width=\"600\" border=\"0\">\n"
        for item in 0..<40 {
            var row =
                "<tr><td class=\"c\(item % 24)\" style=\"padding:12px 24px;font-size:14px\">"
                + "<img src=\"https://img.shop.example/p/\(item).png\" width=\"120\" height=\"80\" alt=\"Item \(item)\">"
                + "<a href=\"https://shop.example/item/\(item)?utm_source=mail&amp;utm_campaign=autumn&amp;sku=\(item)00421\" "
                + "target=\"_blank\" style=\"color:#0066cc\">your order has</a>"
            while row.utf8.count < 1_040 {
                let isForeign = Double(random.next() % 1_000) < share * 1_000
                row += "<p>\(isForeign ? foreign : "thank you for shopping with us please review")</p>"
            }
            text += row + "</td></tr>\n"
        }
        html = Array((text + "</table>\n</body></html>\n").utf8)
    }
}

/// Numbers that are the same at each run.
private struct Random {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
}

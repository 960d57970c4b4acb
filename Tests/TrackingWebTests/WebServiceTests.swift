import CoreMetrics
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import Tracking
import TrackingEvents

@testable import TrackingWeb

extension String {
    fileprivate var status: String { String(dropFirst(9).prefix(3)) }
    fileprivate func field(_ name: String) -> String? {
        let line = components(separatedBy: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
        return line.map { String($0.dropFirst(name.count + 2)) }
    }
    fileprivate var content: String { range(of: "\r\n\r\n").map { String(self[$0.upperBound...]) } ?? "" }

    private func components(separatedBy text: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let found = rest.firstRange(of: text) {
            parts.append(String(rest[..<found.lowerBound]))
            rest = rest[found.upperBound...]
        }
        return parts + [String(rest)]
    }
    private func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}

@Test(arguments: [
    ("https://a.test/?a=1&b=2#frag", "https://a.test/?a=1&b=2#frag"),
    ("http://a.test/%20x/../y", "http://a.test/%20x/../y"),
    ("https://a.test/é?q=ü", "https://a.test/%C3%A9?q=%C3%BC"),
    ("https://a.test/\r\nSet-Cookie: x", "https://a.test/%0D%0ASet-Cookie:%20x"),
])
func aClickLeadsToItsTarget(_ target: String, _ location: String) throws {
    let site = try Site()
    let token = try site.click(target)
    for path in ["/c/\(token)", "/t/c/\(token)", "/c/\(token)?utm_source=x&fbclid=y"] {
        let answer = try site.get(path)
        #expect(answer.status == "302")
        #expect(answer.field("Location") == location)
        #expect(answer.field("Set-Cookie") == nil)
        #expect(answer.field("Cache-Control") == "no-store, private")
        #expect(answer.field("Referrer-Policy") == "no-referrer")
        #expect(answer.field("X-Robots-Tag") == "noindex")
    }
    let hits = site.sink.hits.withLock { $0 }
    #expect(hits.count == 3)
    #expect(hits[0].recipient == 3 && hits[0].link == 1 && hits[0].time == 77 && hits[0].message == site.message)
}

@Test func forgedAlteredAndMovedTokensLeadNowhere() throws {
    let site = try Site()
    let click = try site.click("https://a.test/")
    let pixel = try site.pixel()
    var altered = Array(click)
    altered[20] = altered[20] == "A" ? "B" : "A"
    let bad = [
        "/c/x", "/c/\(String(altered))", "/c/\(pixel)", "/c/\(click.dropLast())", "/c/\(click)A", "/c/",
        "/c/https://evil.test", "/c/\(String(altered)).", "/c/.\(click)", "/c/%2E\(click)", "/c/x/\(click)",
    ]
    for path in bad {
        let answer = try site.get(path)
        #expect(answer.status == "404" && answer.field("Location") == nil, "\(path)")
        #expect(answer.content == HitResponder.notFound)
    }
    for path in ["/o/x.gif", "/o/\(click).gif", "/o/"] {
        let answer = try site.get(path)
        #expect(answer.status == "404" && answer.field("Content-Type") == "image/gif")
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = try site.send("\(method) /c/\(click) HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi")
        #expect(answer.status == "404" && answer.field("Location") == nil)
    }
    #expect(site.sink.hits.withLock { $0.isEmpty })
}

/// Programs on a link's way take what stands behind it along, or write its characters otherwise (case 21). The code in
/// the token proves it whole, so that all of these lead where the mail's author meant.
@Test func whatStandsBehindATokenDoesNotBreakIt() throws {
    let site = try Site()
    let click = try site.click("https://a.test/?q=>>>???~~~")
    let pixel = try site.pixel()
    let behind = [
        "", "/", ".", ")", ">", ",", ";", "\"", "'", "*", "]", "}", "|", "=", "=3D", "%20", "%3E", "%22", "%0D%0A",
        "%E2%80%9D", "&gt;", "&quot;", ").", "%", "%2", "%zz", "-", "_", "--", "%5F", "/..", "\\", "!", ":", "~",
        "#x", "?x", ".?utm=1", "<br>",
    ]
    for text in behind {
        for isPlain in [true, false] {
            for prefix in ["", "/t", "http://t.test", "HTTPS://t.test:443/t"] {
                let answer = try site.send(
                    "GET \(prefix)/c/\(click)\(text) HTTP/1.1\r\nHost: t\r\n\r\n", isPlain: isPlain)
                #expect(answer.status == "302", "\(prefix) \(text)")
            }
            let image = try site.send("GET /o/\(pixel).gif\(text) HTTP/1.1\r\nHost: t\r\n\r\n", isPlain: isPlain)
            #expect(image.status == "200", "\(text)")
        }
    }
    let coded = click.utf8.map { "%" + String($0, radix: 16, uppercase: $0 % 2 == 0) }.joined()
    let some = click.replacing("-", with: "%2D").replacing("_", with: "%5f")
    for path in ["/c/\(coded)", "/%63/\(click)", "/%74/c/\(some)%2E", "/o/\(pixel)%2Egif", "/o/\(pixel)"] {
        let status = try site.get(path).status
        #expect(status == (path.hasPrefix("/o") ? "200" : "302"), "\(path)")
    }
    // A token whose last character is one that emphasis is written with is tried whole first.
    #expect(HitPath.withoutTail("a-_"[...].utf8).map { String($0) } == "a")
    #expect(HitPath.withoutTail("a"[...].utf8) == nil)
}

@Test func aTargetInAbsoluteFormIsTheSamePage() async throws {
    let site = try Site()
    let answer = try site.send("HEAD http://other/c/x HTTP/1.1\r\nHost: t\r\n\r\n")
    #expect(answer.status == "404")
    for (target, path) in [
        ("http://a/livez", "/livez"), ("HTTP://a:1", "/"), ("https://a?x", "/?x"), ("/livez", "/livez"), ("*", "*"),
        ("a:1", "a:1"),
    ] {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target)
        head.headers.add(name: "Host", value: "b")
        let request = try #require(WebRequest.make(head, ByteBuffer()))
        #expect(request.head.path == path)
        #expect(request.head.authority?.first == (target.contains("//") ? "a" : "b"))
    }
}

@Test func thePixelIsAGIFOf43OctetsAndHeadHasNoBody() throws {
    let site = try Site()
    let pixel = try site.pixel()
    let answer = try site.get("/o/\(pixel).gif", "User-Agent: Firefox\r\n")
    #expect(answer.status == "200" && answer.field("Content-Type") == "image/gif")
    #expect(HitResponder.gif.count == 43 && HitResponder.gif.starts(with: "GIF89a".utf8))
    for (path, status) in [("/o/\(pixel).gif", "200"), ("/c/\(try site.click("https://a.test"))", "302")] {
        let answer = try site.send("HEAD \(path) HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(answer.status == status && answer.content.isEmpty)
    }
    _ = try site.get("/o/\(pixel).gif", "User-Agent: Firefox\r\nSec-GPC: 1\r\nSec-Purpose: prefetch\r\n")
    let hits = site.sink.hits.withLock { $0 }
    try #require(hits.map(\.isHead) == [false, true, true, false])
    #expect(hits[0].client == "192.0.2.1" && hits[0].agent == "Firefox")
    #expect(hits[3].isPrivate && hits[3].client.isEmpty && hits[3].purpose == "prefetch")
}

@Test func requestsOfOneConnectionAreAnsweredInTheirOrder() throws {
    let site = try Site()
    let one = "GET /o/x.gif HTTP/1.1\r\nHost: t\r\n\r\n"
    let two = "GET /c/\(try site.click("https://two.test/")) HTTP/1.0\r\n\r\n"
    let answer = try site.send(one + two + one)
    #expect(answer.firstRange(of: "404")!.lowerBound < answer.firstRange(of: "302")!.lowerBound)
    // HTTP/1.0 ends the connection, and what comes behind it is not answered.
    #expect(answer.ranges(of: "HTTP/1.1 ").count == 2, "\(answer)")
    #expect(answer.contains("Connection: close"))
}

@Test(arguments: [
    ("garbage\r\n\r\n", "400"), ("GET /\(String(repeating: "x", count: 9_000)) HTTP/1.1\r\nHost: t\r\n\r\n", "414"),
    ("POST /login HTTP/1.1\r\nHost: t\r\nContent-Length: 70000\r\n\r\n\(String(repeating: "x", count: 70_000))", "413"),
    ("POST /login HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n\r\n", "417"),
    // RFC 9112 §3.2, §6.1: what two readers could take for two requests is nobody's.
    ("GET /o/x.gif HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n", "400"),
    ("GET /o/x.gif HTTP/1.1\r\nHost: t\r\nhost: t\r\n\r\n", "400"), ("GET /o/x.gif HTTP/1.1\r\n\r\n", "400"),
    ("GET /o/x.gif HTTP/1.1\r\nHost: a b\r\n\r\n", "400"), ("GET /o/x.gif HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
    ("GET /o/x.gif HTTP/1.1\r\nHost: t@u\r\n\r\n", "400"), ("GET /livez HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n", "400"),
    ("GET /o/x.gif HTTP/1.0\r\nHost: t\r\nHost: u\r\n\r\n", "400"),
    ("GET http://t/o/x.gif HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n", "400"),
    ("GET http://t@u/livez HTTP/1.1\r\nHost: t\r\n\r\n", "400"),
    ("GET /o/x.gif HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"),
    ("GET /o/x.gif HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "400"),
    ("GET /o/x.gif HTTP/1.1\r\nHost: t\r\nContent-Length: 1, 2\r\n\r\na", "400"),
    ("GET /o/x.gif HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    (
        "POST /login HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "400"
    ),
    ("POST /login HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400"),
    ("POST /login HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
])
func whatIsTooMuchIsRefused(_ request: String, _ status: String) throws {
    let answer = try Site().send(request)
    #expect(answer.status == status && answer.contains("Connection: close"))
}

/// Also where the token is good, on either road, and nothing is recorded of it.
@Test(arguments: [true, false])
func aHitWithTwoHostsIsNone(_ isPlain: Bool) throws {
    let site = try Site()
    for path in ["/c/\(try site.click("https://a.test"))", "/o/\(try site.pixel()).gif"] {
        for hosts in ["Host: t\r\nHost: t\r\n", "Host: t\r\nX: y\r\nhost: u\r\n", ""] {
            let answer = try site.send("GET \(path) HTTP/1.1\r\n\(hosts)\r\n", isPlain: isPlain)
            #expect(answer.status == "400" && answer.contains("Connection: close"), "\(hosts): \(answer)")
        }
    }
    #expect(site.sink.hits.withLock { $0.isEmpty })
    #expect(
        try site.send("GET /o/\(try site.pixel()).gif HTTP/1.1\r\nHost: t\r\n\r\n", isPlain: isPlain).status == "200")
    #expect(site.sink.hits.withLock { $0.count } == 1)
}

@Test func forwardingHeadersCountFromTrustedProxiesOnly() throws {
    let proxies = ["192.0.2.0/24", "10.0.0.0/8"].compactMap { IPNetwork($0) }
    for (trusted, header, expected) in [
        ([], "203.0.113.9", "192.0.2.1"), (proxies, "203.0.113.9", "203.0.113.9"),
        (proxies, "6.6.6.6, 203.0.113.9, 10.1.1.1", "203.0.113.9"), (proxies, "x", "192.0.2.1"),
        (proxies, "203.0.113.9\r\nX-Forwarded-For: 198.51.100.7", "198.51.100.7"),
    ] as [([IPNetwork], String, String)] {
        let site = try Site(proxies: trusted)
        _ = try site.get("/o/\(try site.pixel()).gif", "X-Forwarded-For: \(header)\r\n")
        #expect(site.sink.hits.withLock { $0.first?.client } == expected)
    }
}

@Test func aBlockedLinkIsAPlainPage() throws {
    let lists = ["message 00010203040506070809", "host *.bad.test", "key 1"]
    for line in lists {
        let site = try Site(blocked: try BlockList(parsing: "# why\n\n\(line)\n"))
        let answer = try site.get("/c/\(try site.click("https://user@WWW.bad.test:8080/x"))")
        #expect(
            answer.status == "410" && answer.field("Location") == nil && answer.content == HitResponder.blocked,
            "\(line)")
        #expect(site.sink.hits.withLock { $0.count } == 1)
    }
    let other = try Site(blocked: try BlockList(parsing: "host bad.test\nkey 2\nmessage ffffffffffffffffffff"))
    #expect(try other.get("/c/\(try other.click("https://good.test/bad.test"))").status == "302")
    let defect = #expect(throws: BlockList.Defect.self) { try BlockList(parsing: "\nlink x") }
    #expect(defect?.description == "2: a line begins with message, tag, host or key")
}

@Test func healthIsNotForTheInternet() async throws {
    for (scope, isReady, live, ready, metrics, page) in [
        (WebListener.Scope.console, true, 200, 200, 200, 200), (.console, false, 200, 503, 200, 200),
        (.health, true, 200, 200, 200, 404), (.tracking, true, 404, 404, 404, 404),
    ] {
        let site = try Site(scope: scope, isReady: isReady)
        #expect(try await site.execute("/livez").status.code == live)
        #expect(try await site.execute("/readyz").status.code == ready)
        #expect(try await site.execute("/metrics").status.code == metrics)
        #expect(try await site.execute("/").status.code == page)
    }
}

@Test func metricsAreTextForPrometheus() {
    let registry = PrometheusRegistry()
    registry.describe("a_total", "What a is.")
    registry.makeCounter(label: "a_total", dimensions: [("x", "1\"\n\\")]).increment(by: 2)
    registry.makeCounter(label: "a_total", dimensions: [("x", "1\"\n\\")]).increment(by: 3)
    registry.makeRecorder(label: "b", dimensions: [], aggregate: false).record(1.5)
    registry.makeTimer(label: "c_seconds", dimensions: []).recordNanoseconds(2_000_000)
    let text = registry.text
    #expect(text.hasPrefix("# HELP a_total What a is.\n# TYPE a_total counter\na_total{x=\"1\\\"\\n\\\\\"} 5\n"))
    #expect(text.contains("# TYPE b gauge\nb 1.5\n"))
    #expect(text.contains("c_seconds_bucket{le=\"0.001\"} 0\nc_seconds_bucket{le=\"0.0025\"} 1\n"))
    #expect(text.hasSuffix("c_seconds_bucket{le=\"+Inf\"} 1\nc_seconds_sum 0.002\nc_seconds_count 1\n"))
}

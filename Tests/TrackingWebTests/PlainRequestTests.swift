import NIOCore
import Synchronization
import Testing
import Tracking
import TrackingEvents

@testable import TrackingWeb

/// What is answered in front of the parser is answered and recorded as behind it.
@Test func plainHitsAreAnsweredAsTheParserWould() throws {
    let site = try Site()
    let click = try site.click("https://a.test/?x=1")
    let pixel = try site.pixel()
    let lines = [
        "GET /c/\(click)", "HEAD /t/c/\(click)?utm=1", "GET /o/\(pixel).gif", "GET /o/x.gif", "GET /c/x",
        "HEAD /o/\(pixel)",
    ]
    let fields = [
        "", "User-Agent: Firefox/1 \t\r\n", "user-agent:x\r\nSec-GPC: 1\r\n", "Connection: close\r\n",
        "Connection: Keep-Alive\r\n",
        "X-Moz: prefetch\r\nSec-Purpose: prefetch;prerender\r\n", "Purpose: preview\r\nX-Moz: y\r\n",
        "X-A: \u{e9}\r\nEmpty:\r\n",
        "X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8\r\n", "User-Agent: a\r\nUser-Agent: b\r\n",
    ]
    var plain = 0
    for line in lines {
        for field in fields {
            let text = "\(line) HTTP/1.1\r\nHost: t.test\r\n\(field)\r\n"
            if PlainRequest(ByteBuffer(string: text), prefixes: ["", "/t"]) != nil { plain += 1 }
            func run(isPlain: Bool) throws -> (String, [HitRecord]) {
                site.sink.hits.withLock { $0 = [] }
                let answer = try site.send(text, isPlain: isPlain)
                return (answer.replacing(/Date: [^\r]*/, with: "Date"), site.sink.hits.withLock { $0 })
            }
            let (front, behind) = (try run(isPlain: true), try run(isPlain: false))
            #expect(front.0 == behind.0 && front.1 == behind.1, "\(text)")
        }
    }
    #expect(plain == lines.count * fields.count)
}

@Test(arguments: [
    "POST /c/x HTTP/1.1\r\nHost: t\r\n\r\n", "GET /c/x HTTP/1.0\r\nHost: t\r\n\r\n", "GET /c/x HTTP/1.1\r\n\r\n",
    "GET /c/x HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n", "GET /c/x HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n",
    "GET /c/x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n", "GET /c/x HTTP/1.1\nHost: t\n\n",
    "GET /c/x HTTP/1.1\r\nHost: t\r\n X: folded\r\n\r\n", "GET /c/x HTTP/1.1\r\nHost: t\r\nA B: x\r\n\r\n",
    "GET /c/x HTTP/1.1\r\nHost: t\r\nA : x\r\n\r\n", "GET /c/x HTTP/1.1\r\nHost: t\r\n\r\nG",
    "GET /c/x  HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /c/\u{e9} HTTP/1.1\r\nHost: t\r\n\r\n", "GET /x HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /c/x HTTP/1.1\r\nHost: t\r\n", "",
    "GET /c/x HTTP/1.1\r\nHost: t\r\nX: a\u{0}b\r\n\r\n", "GET /c/x HTTP/1.1\r\nHost: t\r\nX: a\rb\r\n\r\n",
    "GET /c/x HTTP/1.1\r\nHost: t\r\nConnection: upgrade\r\n\r\n",
    "GET /c/x HTTP/1.1\r\nHost: t\r\nUpgrade: h2c\r\n\r\n",
    "GET /c/x HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n\r\n", "GET http://t/c/x HTTP/1.1\r\nHost: t\r\n\r\n",
])
func whatIsUnusualGoesToTheParser(_ text: String) {
    #expect(PlainRequest(ByteBuffer(string: text), prefixes: [""]) == nil)
}

/// A connection may begin plain and go on otherwise, in pieces of any size.
@Test func aConnectionMayBecomeUnusual() throws {
    let site = try Site()
    let plain = "GET /o/x.gif HTTP/1.1\r\nHost: t\r\n\r\n"
    let other = "GET /c/x HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n"
    let answer = try site.send(plain + other + plain)
    #expect(answer.ranges(of: "HTTP/1.1 404").count == 3)
}

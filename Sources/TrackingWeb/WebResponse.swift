import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A NIO request as Hummingbird's.
enum WebRequest {
    static func make(_ head: HTTPRequestHead, _ body: ByteBuffer) -> Request? {
        guard let method = HTTPRequest.Method(head.method.rawValue) else { return nil }
        var fields = HTTPFields()
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name) else { return nil }
            fields.append(HTTPField(name: name, value: value))
        }
        // In absolute form the target names the host, whatever Host says (RFC 9112 §3.2.2).
        let absolute = HitPath.split(head.uri[...])
        guard absolute.map({ RequestHeadCheck.isHost($0.authority.utf8) }) ?? true else { return nil }
        let authority = absolute.map { String($0.authority) } ?? head.headers.first(name: "host")
        let path = absolute.map { $0.path.hasPrefix("/") ? String($0.path) : "/" + $0.path } ?? head.uri
        let request = HTTPRequest(
            method: method, scheme: "http", authority: authority, path: path, headerFields: fields)
        return Request(head: request, body: RequestBody(buffer: body))
    }
}

/// Responses as octets (RFC 9112).
enum WebResponse {
    private static let lineEnd = "\r\n"

    /// Head of a router's response.
    static func head(_ response: Response, length: Int?, keepsAlive: Bool) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeString("HTTP/1.1 \(response.status.code) \(response.status.reasonPhrase)\r\n")
        for field in response.headers where field.name != .contentLength {
            buffer.writeString("\(field.name.rawName): \(field.value)\r\n")
        }
        if let length { buffer.writeString("Content-Length: \(length)\r\n") }
        finish(&buffer, keepsAlive: keepsAlive)
        return buffer
    }

    /// A short answer to a request that cannot be served.
    static func plain(_ status: HTTPResponseStatus, keepsAlive: Bool) -> ByteBuffer {
        let text = "\(status.reasonPhrase)\n"
        var buffer = ByteBuffer()
        buffer.writeString(
            "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\nContent-Type: text/plain; charset=utf-8\r\n"
                + "Content-Length: \(text.utf8.count)\r\n")
        finish(&buffer, keepsAlive: keepsAlive)
        buffer.writeString(text)
        return buffer
    }

    // MARK: Hits

    private static let quiet = "Cache-Control: no-store, private\r\nX-Robots-Tag: noindex\r\n"
    private static let pixel = ByteBuffer(
        string: "Content-Type: image/gif\r\nContent-Length: \(HitResponder.gif.count)\r\n" + quiet)
    private static let gif = ByteBuffer(bytes: HitResponder.gif)

    static func hit(_ answer: HitAnswer, keepsAlive: Bool) -> ByteBuffer {
        var buffer = ByteBuffer()
        switch answer {
        case .pixel(let isFound, let isHead):
            buffer.reserveCapacity(320)
            buffer.writeStaticString(isFound ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 404 Not Found\r\n")
            buffer.writeImmutableBuffer(pixel)
            finish(&buffer, keepsAlive: keepsAlive)
            if !isHead { buffer.writeImmutableBuffer(gif) }
        case .redirect(let location, _):
            buffer.reserveCapacity(320 + location.count)
            buffer.writeStaticString(
                "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nReferrer-Policy: no-referrer\r\nLocation: ")
            buffer.writeBytes(location)
            buffer.writeString(lineEnd)
            buffer.writeString(quiet)
            finish(&buffer, keepsAlive: keepsAlive)
        case .notFound(let isHead):
            page("404 Not Found", HitResponder.notFound, isHead, keepsAlive, &buffer)
        case .blocked(let isHead):
            page("410 Gone", HitResponder.blocked, isHead, keepsAlive, &buffer)
        case .asksForTag(_, let otherwise): return hit(otherwise, keepsAlive: keepsAlive)
        }
        return buffer
    }

    private static func page(
        _ status: String, _ text: String, _ isHead: Bool, _ keepsAlive: Bool, _ buffer: inout ByteBuffer
    ) {
        buffer.writeString(
            "HTTP/1.1 \(status)\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: \(text.utf8.count)\r\n"
                + "Content-Security-Policy: default-src 'none'\r\n" + quiet)
        finish(&buffer, keepsAlive: keepsAlive)
        if !isHead { buffer.writeString(text) }
    }

    private static func finish(_ buffer: inout ByteBuffer, keepsAlive: Bool) {
        buffer.writeString(HTTPDate.line)
        buffer.writeStaticString(keepsAlive ? "\r\n" : "Connection: close\r\n\r\n")
    }
}

/// The Date field (RFC 9110 §6.6.1), made once a second.
private enum HTTPDate {
    private static let current = Mutex<(second: Int, line: String)>((0, ""))

    static var line: String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return current.withLock { current in
            if current.second != time.tv_sec {
                var fields = tm()
                gmtime_r(&time.tv_sec, &fields)
                var text = [CChar](repeating: 0, count: 40)
                // The C locale's names: nothing here sets another.
                strftime(&text, text.count, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &fields)
                let octets = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
                current = (time.tv_sec, String(decoding: octets, as: UTF8.self))
            }
            return current.line
        }
    }
}

import Hummingbird
import NIOCore
import TrackingEvents

/// Fields of `application/x-www-form-urlencoded`.
struct Form {
    private var fields: [String: String] = [:]

    init(_ request: Request) async throws {
        let body = try await request.body.collect(upTo: WebLimits.bodyOctets)
        fields = Self.parse(String(buffer: body))
    }

    subscript(_ name: String) -> String { fields[name] ?? "" }

    static func parse(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&").prefix(100) {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields[decode(halves[0])] = halves.count == 2 ? decode(halves[1]) : ""
        }
        return fields
    }

    private static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                continue
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The query of a page.
struct Query {
    private let request: Request

    init(_ request: Request) { self.request = request }

    /// A value that is not empty and not too long.
    subscript(_ name: String) -> String? {
        guard let value = request.uri.queryParameters[Substring(name)], !value.isEmpty, value.utf8.count <= 1_000 else {
            return nil
        }
        return String(value)
    }

    /// The tag that is asked for; `-` stands for mail without one.
    var tag: String? { self["tag"].map { $0 == "-" ? "" : $0 } }

    static func encode(_ text: String) -> String {
        var result = ""
        let digits = Array("0123456789ABCDEF")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                result.unicodeScalars.append(UnicodeScalar(byte))
            default: result += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return result
    }
}

/// Days that a page shows, both included.
struct DaySpan {
    let from: Int64
    let to: Int64

    /// The days of a query; today and the `days` before it where it names none.
    init(_ query: Query, now: Int64, days: Int) {
        let today = LocalTime.day(of: now)
        let to = query["to"].flatMap { LocalTime.day($0) } ?? today
        let from = query["from"].flatMap { LocalTime.day($0) } ?? LocalTime.day(to, plus: 1 - days)
        self.to = max(from, to)
        // Two years and a bit: enough for a chart, and bounded.
        self.from = max(from, LocalTime.day(self.to, plus: -800))
    }

    /// All days of the span.
    var days: [Int64] {
        var days: [Int64] = []
        var day = from
        while day <= to {
            days.append(day)
            day = LocalTime.day(day, plus: 1)
        }
        return days
    }

    var start: Int64 { LocalTime.start(of: from) }
    var end: Int64 { LocalTime.start(of: LocalTime.day(to, plus: 1)) }
}

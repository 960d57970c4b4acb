public import Logging
public import RelayConfiguration

/// Writes log lines, to standard error unless told otherwise: `time level message key=value…`, or one JSON object each.
public struct RelayLogHandler: LogHandler {
    /// Fields of every line.
    public var metadata: Logger.Metadata = [:]
    /// Least level that is written.
    public var logLevel: Logger.Level
    private let format: LogSettings.Format
    /// Where lines go.
    public let sink: LogSink

    /// A handler for relay.conf's `[log]`.
    public init(_ settings: LogSettings, sink: LogSink = .standardError) {
        format = settings.format
        self.sink = sink
        logLevel =
            switch settings.level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        sink.setNotice { [self] in
            line(.error, "log lines dropped: they came faster than they were read", [("lines", "\($0)")])
        }
    }

    /// A field of every line.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a line from swift-log's metadata, keys in order.
    public func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        write(event.level, "\(event.message)", all.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") })
    }

    func write(_ level: Logger.Level, _ message: String, _ fields: [(String, String)]) {
        guard level >= logLevel else { return }
        sink.append(line(level, message, fields))
    }

    private func line(_ level: Logger.Level, _ message: String, _ fields: [(String, String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        let time = CalendarTime(milliseconds: SystemClock.now())
        switch format {
        case .logfmt:
            bytes += "\(time.iso8601) \(level) \(message)".utf8.map { $0 < 0x20 ? 0x20 : $0 }
            for (key, value) in fields {
                bytes += " \(key)=".utf8
                Self.appendLogfmt(value, to: &bytes)
            }
        case .json:
            bytes += "{\"time\":\"\(time.iso8601)\",\"level\":\"\(level)\",\"message\":".utf8
            Self.appendJSON(message, to: &bytes)
            for (key, value) in fields {
                bytes.append(UInt8(ascii: ","))
                Self.appendJSON(key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                Self.appendJSON(value, to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(0x0A)
        return bytes
    }

    private static func appendLogfmt(_ value: String, to bytes: inout [UInt8]) {
        guard value.isEmpty || value.utf8.contains(where: { $0 <= 0x20 || $0 == 0x22 || $0 == 0x3D || $0 >= 0x7F })
        else {
            bytes += value.utf8
            return
        }
        appendJSON(value, to: &bytes)
    }

    private static func appendJSON(_ value: String, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        for scalar in value.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C: bytes += [0x5C, UInt8(scalar.value)]
            // Also C1 controls, which some terminals obey, and the line ends of Unicode.
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029:
                let digits = String(scalar.value, radix: 16)
                bytes += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            default: bytes += String(scalar).utf8
            }
        }
        bytes.append(0x22)
    }
}

/// The relay's own lines, whose fields keep their order.
struct RelayLog: Sendable {
    let handler: RelayLogHandler

    func info(_ message: String, _ fields: (String, String)...) { handler.write(.info, message, fields) }
    func debug(_ message: String, _ fields: (String, String)...) { handler.write(.debug, message, fields) }
    func warning(_ message: String, _ fields: (String, String)...) { handler.write(.warning, message, fields) }
    func error(_ message: String, _ fields: (String, String)...) { handler.write(.error, message, fields) }
}

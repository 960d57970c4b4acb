import Foundation
import TestSupport
import Testing

@testable import Relay

/// Nobody waits for the reader of a log; what is dropped is counted, and told where it is missing.
@Test func aLogThatIsNotReadIsBoundedAndTellsWhatItLacks() async throws {
    let pipe = Pipe()
    let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor, limit: 16_384)
    sink.setNotice { Array("dropped \($0)\n".utf8) }
    let line = Array((String(repeating: "x", count: 99) + "\n").utf8)
    // Until the pipe is full; then more than the buffer holds.
    var sent = 0
    while try await onOwnThread({ sink.flush(within: .milliseconds(200)) }), sent < 100_000 {
        for _ in 0..<100 { sink.append(line) }
        sent += 100
    }
    for _ in 0..<1_000 { sink.append(line) }
    sent += 1_000
    let dropped = sink.dropped
    #expect(dropped > 0)
    async let read = onOwnThread { pipe.fileHandleForReading.readDataToEndOfFile() }
    #expect(try await onOwnThread { sink.flush(within: .seconds(Patience.seconds)) })
    sink.append(Array("last\n".utf8))
    #expect(try await onOwnThread { sink.flush(within: .seconds(Patience.seconds)) })
    try pipe.fileHandleForWriting.close()
    let lines = String(decoding: try await read, as: UTF8.self).split(separator: "\n")
    let told = lines.filter { $0.hasPrefix("dropped ") }.compactMap { Int($0.dropFirst(8)) }
    #expect(told.reduce(0, +) == dropped && sink.dropped == dropped)
    #expect(lines.filter { $0.hasPrefix("x") }.count == sent - dropped)
    #expect(lines.last == "last" && lines.allSatisfy { $0.count == 99 || $0.hasPrefix("dropped ") || $0 == "last" })
}

/// A reader that has gone is no reason to end; its lines count as dropped.
@Test func aLogWhoseReaderHasGoneIsCounted() async throws {
    let pipe = Pipe()
    let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor)
    try pipe.fileHandleForReading.close()
    sink.append(Array("a\nb\n".utf8))
    #expect(try await onOwnThread { sink.flush(within: .seconds(Patience.seconds)) })
    #expect(sink.dropped == 2)
}

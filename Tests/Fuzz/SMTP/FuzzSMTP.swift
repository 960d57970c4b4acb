import SMTPProtocol

/// Laws of the framers: whole, octet by octet and in pieces they give the same; what is stuffed comes out again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    for policy in [BareNewlinePolicy.normalize, .reject] {
        let whole = content(bytes, by: count, policy)
        for step in [1, 2, 3, 7] {
            let pieces = content(bytes, by: step, policy)
            precondition(pieces.bytes == whole.bytes && pieces.end == whole.end && pieces.used == whole.used)
        }
    }
    precondition(lines(bytes, by: 1) == lines(bytes, by: count))
    precondition(replies(bytes, by: 1) == replies(bytes, by: count))
    _ = Command.parse(bytes)
    return 0
}

private func content(_ bytes: [UInt8], by step: Int, _ policy: BareNewlinePolicy) -> (
    bytes: [UInt8], end: ContentEnd?, used: Int
) {
    var framer = DataFramer(bareNewlines: policy, maximumOctets: 1 << 20)
    var result: [UInt8] = []
    var used = 0
    while used < bytes.count, framer.end == nil {
        used += framer.consume(bytes[used..<min(bytes.count, used + max(1, step))], into: &result)
    }
    return (result, framer.end, used)
}

private func lines(_ bytes: [UInt8], by step: Int) -> [CommandLineFramer.Step] {
    var framer = CommandLineFramer()
    var steps: [CommandLineFramer.Step] = []
    var used = 0
    while used < bytes.count {
        let (consumed, found) = framer.consume(bytes[used..<min(bytes.count, used + max(1, step))], limit: 64)
        used += consumed
        if let found { steps.append(found) }
    }
    return steps
}

/// The replies, and in the end what was wrong.
private func replies(_ bytes: [UInt8], by step: Int) -> [String] {
    var framer = ReplyFramer()
    var found: [String] = []
    var used = 0
    do {
        while used < bytes.count {
            let (consumed, reply) = try framer.consume(bytes[used..<min(bytes.count, used + max(1, step))])
            used += consumed
            if let reply { found.append(reply.description) }
        }
    } catch {
        found.append(error.sentence)
    }
    return found
}

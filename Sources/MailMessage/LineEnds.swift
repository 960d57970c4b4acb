/// Line ends of a message.
public enum LineEnds {
    /// The message as SMTP carries it: each lone CR or LF made a CRLF, and one at the end; the same bytes when it is so.
    public static func normalizedToCRLF(_ message: [UInt8]) -> [UInt8] {
        guard !isClean(message) else { return message }
        var result: [UInt8] = []
        result.reserveCapacity(message.count + message.count / 32)
        var index = 0
        while index < message.count {
            let byte = message[index]
            index += 1
            if byte == ASCII.cr, index < message.count, message[index] == ASCII.lf { index += 1 }
            if byte == ASCII.cr || byte == ASCII.lf {
                result.append(ASCII.cr)
                result.append(ASCII.lf)
            } else {
                result.append(byte)
            }
        }
        if result.last != ASCII.lf { result += [ASCII.cr, ASCII.lf] }
        return result
    }

    private static func isClean(_ message: [UInt8]) -> Bool {
        var previous: UInt8 = 0
        for byte in message {
            if (byte == ASCII.lf) != (previous == ASCII.cr) { return false }
            previous = byte
        }
        return previous == ASCII.lf
    }
}

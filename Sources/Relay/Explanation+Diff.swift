import MailMessage
import SMTPProtocol

/// What changes, for people: header fields as they stand, rewritten parts as decoded text.
extension Explanation {
    /// Characters shown around a change in a long line.
    private static let context = 30
    /// Longer texts are not compared where lines come or go.
    private static let maximumLines = 2_000

    /// Lines that go (`-`) and come (`+`); empty where nothing changes.
    public var diff: String {
        guard !output.isEmpty, output != original, let before = try? MIMETree.parse(original),
            let after = try? MIMETree.parse(output), before.parts.count == after.parts.count
        else { return "" }
        var lines: [String] = []
        for (old, new) in zip(before.parts, after.parts) {
            let header = Self.changes(
                Self.lines(original[old.header.range]), Self.lines(output[new.header.range]))
            let isText = old.children.isEmpty && old.contentType.type == "text"
            let isRewritten = isText && original[old.body] != output[new.body]
            let text = isRewritten ? Self.changes(Self.text(old, original), Self.text(new, output)) : []
            guard !header.isEmpty || !text.isEmpty else { continue }
            lines.append(
                "  --- part \(old.index + 1) of \(before.parts.count), \(old.contentType.type)/\(old.contentType.subtype)"
            )
            lines += header
            if !text.isEmpty { lines += ["  (decoded)"] + text }
        }
        return lines.joined(separator: "\n")
    }

    private static func text(_ part: MIMEPart, _ message: [UInt8]) -> [String] {
        let raw = part.decodedBody(in: message)?.bytes ?? Array(message[part.body])
        let charset = part.contentType.parameter("charset").flatMap { Charset(label: $0) } ?? .utf8
        return lines(((try? charset.decodeToUTF8(raw)) ?? raw)[...])
    }

    private static func lines(_ bytes: ArraySlice<UInt8>) -> [String] {
        bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            let end = line.last == 0x0D ? line.dropLast() : line
            return String(decoding: end, as: UTF8.self)
        }
    }

    private static func changes(_ before: [String], _ after: [String]) -> [String] {
        if before.count == after.count {
            return zip(before, after).filter { $0 != $1 }.flatMap { pair -> [String] in
                let (old, new) = cut(pair.0, pair.1)
                return ["  - " + shown(old), "  + " + shown(new)]
            }
        }
        guard max(before.count, after.count) <= maximumLines else { return ["  (too long to compare)"] }
        let difference = after.difference(from: before)
        let gone = difference.removals.compactMap { change -> (Int, String)? in
            if case .remove(let offset, let line, _) = change { (offset, line) } else { nil }
        }
        let come = difference.insertions.compactMap { change -> (Int, String)? in
            if case .insert(let offset, let line, _) = change { (offset, line) } else { nil }
        }
        // A changed line is one that goes and one that comes: shown as a pair, cut to where they differ.
        guard gone.count == come.count else {
            return gone.map { "  - " + shown($0.1) } + come.map { "  + " + shown($0.1) }
        }
        return zip(gone, come).flatMap { pair -> [String] in
            let (old, new) = cut(pair.0.1, pair.1.1)
            return ["  - " + shown(old), "  + " + shown(new)]
        }
    }

    /// Both lines without what they have in common, but for some context.
    private static func cut(_ old: String, _ new: String) -> (String, String) {
        let prefix = zip(old, new).prefix { $0 == $1 }.count
        let suffix = min(
            zip(old.reversed(), new.reversed()).prefix { $0 == $1 }.count, min(old.count, new.count) - prefix)
        func piece(_ line: String) -> String {
            let start = max(0, prefix - context)
            let end = min(line.count, line.count - suffix + context)
            let middle = line.dropFirst(start).prefix(end - start)
            return (start > 0 ? "…" : "") + middle + (end < line.count ? "…" : "")
        }
        return (piece(old), piece(new))
    }

    private static func shown(_ line: String) -> String {
        EscapedText.escape(line.utf8.map { $0 == 0x09 ? 0x20 : $0 }, limit: 400)
    }
}

import MailMessage

/// Finds `http` and `https` URLs in plain text, as mail clients make them clickable: whole, or marked as uncertain.
public enum PlainTextLinks {
    /// The URLs in UTF-8 text, in order. Trailing punctuation and unbalanced closing brackets are left out.
    /// - Parameter deletesSpaces: whether the blank at the end of a flowed line is deleted (RFC 3676 §4.2, `DelSp=yes`), so
    ///   that a URL in front of it goes on in the next line.
    public static func find(in text: [UInt8], deletesSpaces: Bool = false) -> [PlainTextLink] {
        var found: [PlainTextLink] = []
        var index = 0
        // Where the line in front of the next URL flows into it.
        var flowsInto: Int?
        while let colon = ByteSearch.firstIndex(of: UInt8(ascii: ":"), in: text, index..<text.count) {
            index = colon + 1
            guard let start = schemeStart(text, colon: colon, notBefore: found.last?.range.upperBound ?? 0),
                index + 1 < text.count, text[index] == UInt8(ascii: "/"), text[index + 1] == UInt8(ascii: "/")
            else { continue }
            if let link = bracketed(text, from: start, body: index + 2) {
                found.append(link)
                index = link.range.upperBound
                continue
            }
            let run = PlainTextRun(text, from: index + 2)
            var isCertain = run.isCertain && start != flowsInto
            if deletesSpaces, let next = flow(text, at: run.end) {
                isCertain = false
                flowsInto = next
            }
            if let link = link(text, from: start, body: index + 2, run, isCertain) { found.append(link) }
            index = run.end
        }
        return found
    }

    private static func link(
        _ text: [UInt8], from start: Int, body: Int, _ run: PlainTextRun, _ isCertain: Bool
    ) -> PlainTextLink? {
        guard isCertain else {
            guard run.end > body else { return nil }
            return PlainTextLink(
                range: start..<run.end, url: Array(text[start..<run.end]), isCertain: false, needsClosing: false)
        }
        let end = trimmed(text, from: body, to: run.end)
        guard end > body else { return nil }
        // `*` and `_` at the end are emphasis where they stand in front too; else programs differ.
        let isEmphasis = start > 0 && text[start - 1] == text[min(end, text.count - 1)]
        let hasEmphasis = text[end..<run.end].contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "_") }
        let whole = isEmphasis || !hasEmphasis
        let range = start..<(whole ? end : run.end)
        return PlainTextLink(
            range: range, url: Array(text[range]), isCertain: whole, needsClosing: needsClosing(text, end))
    }

    /// Everything but blanks, quotes, angle brackets and the marks that all programs leave out may be taken along.
    private static func needsClosing(_ text: [UInt8], _ end: Int) -> Bool {
        end < text.count && !(text[end] <= 0x20 || "<>\"'.,;:!?)]".utf8.contains(text[end]))
    }

    /// Where the text goes on behind a flowed line that ends here; `nil` where none does.
    private static func flow(_ text: [UInt8], at end: Int) -> Int? {
        guard end + 1 < text.count, text[end] == 0x20 else { return nil }
        var next = end + 1
        if text[next] == ASCIIBytes.cr { next += 1 }
        guard next < text.count, text[next] == ASCIIBytes.lf else { return nil }
        next += 1
        while next < text.count, text[next] == UInt8(ascii: ">") || text[next] == 0x20 { next += 1 }
        return next
    }

    private enum ASCIIBytes {
        static let cr = UInt8(ascii: "\r")
        static let lf = UInt8(ascii: "\n")
    }

    /// Longer ones are no addresses.
    private static let maximumBracketed = 4_096

    /// `<https://…>` and `<URL:https://…>`: all of it but line breaks and the blanks around them (RFC 3986, appendix C).
    /// `nil` where no brackets stand around it, or blanks or a quoted line's mark say that it ends earlier.
    private static func bracketed(_ text: [UInt8], from start: Int, body: Int) -> PlainTextLink? {
        let hasPrefix =
            start >= 4 && text[(start - 4)..<start].lazy.map { $0 & 0xDF }.elementsEqual([0x55, 0x52, 0x4C, 0x1A])
        let open = hasPrefix ? start - 5 : start - 1
        guard open >= 0, text[open] == UInt8(ascii: "<") else { return nil }
        var url = Array(text[start..<body])
        var index = body
        var isBroken = false
        while index < min(text.count, start + maximumBracketed), text[index] != UInt8(ascii: ">") {
            if text[index] == UInt8(ascii: "<") { return nil }
            guard text[index] <= 0x20 else {
                url.append(text[index])
                index += 1
                continue
            }
            var next = index
            while next < text.count, text[next] <= 0x20 { next += 1 }
            // A blank is no line break, and an empty line ends a paragraph.
            guard text[index..<next].count(where: { $0 == ASCIIBytes.lf }) == 1 else {
                return isBroken ? uncertain(text, start..<endOfLine(text, start)) : nil
            }
            // Another address, and not the rest of this one.
            if text[next...].prefix(4).map({ $0 | 0x20 }).elementsEqual("http".utf8) {
                return uncertain(text, start..<endOfLine(text, start))
            }
            isBroken = true
            index = next
        }
        guard index < text.count, text[index] == UInt8(ascii: ">"), url.count > body - start else { return nil }
        guard !isBroken || text[index - 1] > 0x20 else { return uncertain(text, start..<endOfLine(text, start)) }
        let isWhole = PlainTextRun(url, from: body - start, isBracketed: true)
        let end = isBroken ? url.count : trimmed(url, from: body - start, to: url.count)
        guard isWhole.end == url.count, isWhole.isCertain, end > body - start else {
            return uncertain(text, start..<(isBroken ? endOfLine(text, start) : index))
        }
        let range = start..<(isBroken ? index : start + end)
        return PlainTextLink(range: range, url: Array(url[..<end]), isCertain: true, needsClosing: false)
    }

    private static func uncertain(_ text: [UInt8], _ range: Range<Int>) -> PlainTextLink {
        PlainTextLink(range: range, url: Array(text[range]), isCertain: false, needsClosing: false)
    }

    private static func endOfLine(_ text: [UInt8], _ start: Int) -> Int {
        text[start...].firstIndex { $0 <= 0x20 } ?? text.endIndex
    }

    /// Where `http` or `https` starts in front of the colon, when no letter or digit stands before it.
    private static func schemeStart(_ text: [UInt8], colon: Int, notBefore: Int) -> Int? {
        for scheme in ["https", "http"] {
            let start = colon - scheme.utf8.count
            guard start >= notBefore, text[start..<colon].lazy.map({ $0 | 0x20 }).elementsEqual(scheme.utf8) else {
                continue
            }
            if start > 0, isWordByte(text[start - 1]) { return nil }
            return start
        }
        return nil
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static func trimmed(_ text: [UInt8], from start: Int, to end: Int) -> Int {
        var round = 0
        var square = 0
        for byte in text[start..<end] {
            switch byte {
            case UInt8(ascii: "("): round += 1
            case UInt8(ascii: ")"): round -= 1
            case UInt8(ascii: "["): square += 1
            case UInt8(ascii: "]"): square -= 1
            default: break
            }
        }
        var end = end
        while end > start {
            switch text[end - 1] {
            case UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"), UInt8(ascii: "!"),
                UInt8(ascii: "?"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "_"):
                end -= 1
            case UInt8(ascii: ")") where round < 0:
                round += 1
                end -= 1
            case UInt8(ascii: "]") where square < 0:
                square += 1
                end -= 1
            default: return end
            }
        }
        return end
    }
}

import MailMessage
import Tracking

/// What the rules ask of a header.
extension MessageFacts {
    /// The facts that stand in a header; those of the envelope are left empty.
    /// - Parameter names: in lower case, the fields that rules look at.
    init(_ header: HeaderSection, in head: [UInt8], names: Set<String>) {
        self.init()
        fromDomain = header.first("From", in: head).flatMap {
            Self.domain(of: HeaderSection.unfolded($0.body, in: head))
        }
        traceField = header.first(TraceHeader.name, in: head).map { Array(head[$0.body]) }
        for name in names {
            self.header[name] = header.all(name, in: head).map {
                String(decoding: EncodedWord.decode(HeaderSection.unfolded($0.body, in: head)), as: UTF8.self)
            }
        }
    }

    /// Domain of the first address in a From field (RFC 5322 §3.4), in lower case.
    private static func domain(of body: [UInt8]) -> String? {
        var address: [UInt8] = []
        var depth = 0
        var isQuoted = false
        var index = 0
        scan: while index < body.count {
            let byte = body[index]
            index += 1
            switch byte {
            // A quoted pair means nothing outside quotes and comments.
            case UInt8(ascii: "\\") where isQuoted || depth > 0: index += 1
            case UInt8(ascii: "\"") where depth == 0: isQuoted.toggle()
            case _ where isQuoted: continue
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")") where depth > 0: depth -= 1
            case _ where depth > 0: continue
            // What stood in front was a name.
            case UInt8(ascii: "<"), UInt8(ascii: ":"): address = []
            case UInt8(ascii: ">"), UInt8(ascii: ";"): break scan
            case UInt8(ascii: ","): if address.contains(UInt8(ascii: "@")) { break scan }
            case 0...0x20: continue
            default: address.append(byte)
            }
        }
        guard let at = address.lastIndex(of: UInt8(ascii: "@")), at + 1 < address.count else { return nil }
        return String(decoding: address[(at + 1)...].prefix(255), as: UTF8.self).lowercased()
    }
}

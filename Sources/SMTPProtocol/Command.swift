/// One command line (RFC 5321 §4.1.1).
public enum Command: Sendable, Hashable {
    case ehlo(String), helo(String)
    case mail(ReversePath, MailParameters)
    case rcpt(ForwardPath)
    case data, rset, noop, quit, vrfy, expn, help, starttls, etrn, bdat
    case auth(mechanism: String, initial: [UInt8]?)
    /// A request of another protocol: HTTP's methods.
    case foreign(String)
    case unknown(String)

    /// The verb for logs and scripts.
    public var verb: String {
        switch self {
        case .ehlo: "EHLO"
        case .helo: "HELO"
        case .mail: "MAIL"
        case .rcpt: "RCPT"
        case .data: "DATA"
        case .rset: "RSET"
        case .noop: "NOOP"
        case .quit: "QUIT"
        case .vrfy: "VRFY"
        case .expn: "EXPN"
        case .help: "HELP"
        case .starttls: "STARTTLS"
        case .etrn: "ETRN"
        case .bdat: "BDAT"
        case .auth: "AUTH"
        case .foreign(let verb), .unknown(let verb): verb
        }
    }

    /// A command that cannot be read, as the reply it earns.
    public struct SyntaxError: Error, Sendable, Hashable {
        /// The reply.
        public let reply: Reply
    }

    /// Reads a line without its line end.
    public static func parse(_ line: [UInt8]) -> Result<Command, SyntaxError> {
        guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            return error(501, 5, 2, "Control characters are not allowed in a command")
        }
        let verbEnd = line.firstIndex { $0 == 0x20 || $0 == 0x09 } ?? line.endIndex
        let verb = String(decoding: line[..<verbEnd].prefix(32), as: UTF8.self).uppercased()
        let argument = trimmed(line[verbEnd...])
        switch verb {
        case "EHLO", "HELO": return hello(verb, argument)
        case "MAIL": return mail(argument)
        case "RCPT": return rcpt(argument)
        case "AUTH": return auth(argument)
        case "NOOP": return .success(.noop)
        case "HELP": return .success(.help)
        case "VRFY": return .success(.vrfy)
        case "EXPN": return .success(.expn)
        case "ETRN": return .success(.etrn)
        case "BDAT": return .success(.bdat)
        case "DATA": return bare(.data, argument)
        case "RSET": return bare(.rset, argument)
        case "QUIT": return bare(.quit, argument)
        case "STARTTLS": return bare(.starttls, argument)
        case "GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS", "DELETE", "PATCH", "TRACE":
            return .success(.foreign(verb))
        default: return .success(.unknown(EscapedText.escape(verb.utf8, limit: 32)))
        }
    }

    private static func bare(_ command: Command, _ argument: ArraySlice<UInt8>) -> Result<Command, SyntaxError> {
        argument.isEmpty ? .success(command) : error(501, 5, 4, "\(command.verb) takes no argument")
    }

    private static func hello(_ verb: String, _ argument: ArraySlice<UInt8>) -> Result<Command, SyntaxError> {
        guard argument.count <= SMTPLimits.domainOctets, !argument.contains(0x09) else {
            return error(501, 5, 4, "\(verb) needs a host name of at most \(SMTPLimits.domainOctets) octets")
        }
        // QUIRK (RFC 5321 §4.1.1.1): computers with names outside ASCII send them raw; power supplies and scanners
        // without a name send none. §4.1.4: mail is not refused for what a client calls itself.
        let name = String(decoding: argument, as: UTF8.self)
        return .success(verb == "EHLO" ? .ehlo(name) : .helo(name))
    }

    private static func auth(_ argument: ArraySlice<UInt8>) -> Result<Command, SyntaxError> {
        let words = argument.split(separator: 0x20)
        guard let first = words.first, words.count <= 2 else {
            return error(501, 5, 4, "Syntax: AUTH mechanism [initial]")
        }
        let mechanism = String(decoding: first.prefix(20), as: UTF8.self).uppercased()
        return .success(.auth(mechanism: mechanism, initial: words.count == 2 ? Array(words[1]) : nil))
    }

    private static func mail(_ argument: ArraySlice<UInt8>) -> Result<Command, SyntaxError> {
        guard let (path, words) = path(argument, keyword: "FROM:") else {
            return error(501, 5, 4, "Syntax: MAIL FROM:<address>")
        }
        var reverse = ReversePath(nil)
        if !path.isEmpty {
            guard let mailbox = Mailbox(bytes: path), !mailbox.domain.isEmpty else {
                return failure(
                    Reply(501, EnhancedStatusCode(5, 1, 7), "Bad sender address syntax\(Self.defect(path))"))
            }
            reverse = ReversePath(mailbox)
        }
        var parameters = MailParameters()
        var seen: Set<String> = []
        for word in words {
            if let reply = parameters.take(word, &seen) { return failure(reply) }
        }
        return .success(.mail(reverse, parameters))
    }

    /// What is most often wrong with an address, in words.
    private static func defect(_ path: [UInt8]) -> String {
        path.contains(UInt8(ascii: "@"))
            ? "" : ": \"\(EscapedText.escape(path, limit: 64))\" has no domain; write name@example.com"
    }

    private static func rcpt(_ argument: ArraySlice<UInt8>) -> Result<Command, SyntaxError> {
        guard let (path, words) = path(argument, keyword: "TO:") else {
            return error(501, 5, 4, "Syntax: RCPT TO:<address>")
        }
        guard let mailbox = Mailbox(bytes: path) else {
            return failure(Reply(501, EnhancedStatusCode(5, 1, 3), "Bad recipient address syntax\(Self.defect(path))"))
        }
        if let word = words.first {
            return error(555, 5, 4, "Unsupported parameter \(EscapedText.escape(word, limit: 40))")
        }
        return .success(.rcpt(ForwardPath(mailbox)))
    }

    /// The address between the brackets and the words behind it.
    ///
    /// QUIRK (RFC 5321 §4.1.1.11): blanks behind the colon and addresses without brackets come from old scripts.
    /// Source routes (§4.1.2, `@a,@b:user@c`) are dropped, as §3.3 asks.
    private static func path(
        _ argument: ArraySlice<UInt8>, keyword: String
    ) -> (path: [UInt8], words: [ArraySlice<UInt8>])? {
        let word = argument.prefix(keyword.utf8.count)
        guard String(decoding: word, as: UTF8.self).uppercased() == keyword else { return nil }
        var rest = trimmed(argument[word.endIndex...])
        var path: ArraySlice<UInt8>
        if rest.first == UInt8(ascii: "<") {
            guard let close = closingBracket(rest) else { return nil }
            path = rest[(rest.startIndex + 1)..<close]
            rest = rest[(close + 1)...]
            guard rest.isEmpty || rest.first == 0x20 else { return nil }
        } else {
            let end = rest.firstIndex(of: 0x20) ?? rest.endIndex
            path = rest[..<end]
            rest = rest[end...]
            guard !path.isEmpty else { return nil }
        }
        if path.first == UInt8(ascii: "@") {
            guard let colon = path.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            path = path[(colon + 1)...]
        }
        return (Array(trimmed(path)), rest.split(separator: 0x20))
    }

    private static func closingBracket(_ rest: ArraySlice<UInt8>) -> Int? {
        var isQuoted = false
        var index = rest.startIndex + 1
        while index < rest.endIndex {
            switch rest[index] {
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ">") where !isQuoted: return index
            default: break
            }
            index += 1
        }
        return nil
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let first = rest.first, first == 0x20 || first == 0x09 { rest.removeFirst() }
        while let last = rest.last, last == 0x20 || last == 0x09 { rest.removeLast() }
        return rest
    }

    private static func error(_ code: Int, _ subject: Int, _ detail: Int, _ text: String) -> Result<
        Command, SyntaxError
    > {
        failure(Reply(code, EnhancedStatusCode(5, subject, detail), text))
    }

    private static func failure(_ reply: Reply) -> Result<Command, SyntaxError> { .failure(SyntaxError(reply: reply)) }
}

extension Command {
    /// The address or name it carries, for logs and scripts.
    public var argument: String {
        switch self {
        case .ehlo(let name), .helo(let name): name
        case .mail(let path, _): path.description
        case .rcpt(let path): path.description
        default: ""
        }
    }
}

extension Command {
    /// Whether RFC 2920 §3.1 (and RFC 4954 §4, RFC 3207 §4) let nothing follow it until it is answered.
    var endsGroup: Bool {
        switch self {
        case .ehlo, .helo, .data, .vrfy, .expn, .noop, .starttls, .etrn, .auth: true
        case .mail, .rcpt, .rset, .quit, .help, .bdat, .foreign, .unknown: false
        }
    }

    /// Whether a line is AUTH, whose initial response may be longer than any other command.
    static func isAuthentication(_ line: [UInt8]) -> Bool {
        line.count > 5 && line[4] == 0x20 && String(decoding: line.prefix(4), as: UTF8.self).uppercased() == "AUTH"
    }
}

extension ServerSession {
    var offersAuthentication: Bool {
        guard case .offered(_, let allowsClear) = settings.authentication else { return false }
        return isSecure || allowsClear
    }

    mutating func authenticate(_ mechanism: String, _ initial: [UInt8]?) -> [Action] {
        guard settings.authentication != .none else {
            return bad(Reply(502, EnhancedStatusCode(5, 5, 1), "AUTH is not available"))
        }
        guard offersAuthentication else {
            return bad(Reply(538, EnhancedStatusCode(5, 7, 11), "Encryption required for AUTH; use STARTTLS"))
        }
        guard authenticatedUser == nil else { return bad(sequence("Already authenticated")) }
        guard envelope == nil else { return bad(sequence("AUTH is not allowed inside a transaction")) }
        switch SASLMechanism(rawValue: mechanism) {
        case .plain:
            guard let initial else { return prompt("", .saslPlain) }
            return plain(initial)
        case .login:
            guard let initial else { return prompt(settings.dialect.usernamePrompt, .saslName) }
            return name(initial)
        case nil: return bad(Reply(504, EnhancedStatusCode(5, 5, 4), "Mechanism not supported; use PLAIN or LOGIN"))
        }
    }

    mutating func saslLine(_ line: [UInt8]) -> [Action] {
        let step = state
        state = .command
        if line == [UInt8(ascii: "*")] {
            return bad(Reply(501, EnhancedStatusCode(5, 0, 0), "Authentication cancelled"))
        }
        switch step {
        case .saslPlain: return plain(line)
        case .saslName: return name(line)
        case .saslPassword(let name):
            guard let password = SASL.decode(line) else { return malformed() }
            return ask(.credentials(Credentials(name: name, password: Secret(password))))
        case .command, .asking, .content, .closed: return []
        }
    }

    private mutating func plain(_ line: [UInt8]) -> [Action] {
        guard let credentials = SASL.decode(line).flatMap({ SASL.plain($0) }) else { return malformed() }
        return ask(.credentials(credentials))
    }

    private mutating func name(_ line: [UInt8]) -> [Action] {
        guard let name = SASL.decode(line) else { return malformed() }
        return prompt(settings.dialect.passwordPrompt, .saslPassword(name: name))
    }

    private mutating func prompt(_ text: String, _ next: State) -> [Action] {
        state = next
        return [.reply(Reply(334, nil, SASL.encode(Array(text.utf8))))]
    }

    private mutating func malformed() -> [Action] {
        bad(Reply(501, EnhancedStatusCode(5, 5, 2), "Cannot decode the AUTH response"))
    }

    mutating func refuseCredentials(_ reply: Reply) -> [Action] {
        refusedCredentials += 1
        guard refusedCredentials >= SMTPLimits.refusedCredentials else { return [.reply(reply)] }
        return [.reply(reply)] + close(Reply(421, EnhancedStatusCode(4, 7, 0), "Too many refused logins"))
    }
}

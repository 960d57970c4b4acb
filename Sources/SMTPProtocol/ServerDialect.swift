/// The words a server uses; the rules are the same in every dialect but for ``requiresEHLO``.
public enum ServerDialect: Sendable, Hashable {
    /// RFC 5321 with enhanced codes.
    case standard
    /// Direct Mail's words as recorded on its servers: bare codes, its EHLO list, lower-case prompts.
    case directMail

    var usesEnhancedCodes: Bool { self == .standard }
    var requiresEHLO: Bool { self == .directMail }

    func greeting(_ hostname: String) -> String {
        switch self {
        case .standard: "\(hostname) ESMTP tracerelay"
        case .directMail: "smtp.aliyun-inc.com MX AliMail Server(127.0.0.1)"
        }
    }

    func extensions(_ settings: ServerSession.Settings, tls: Bool, auth: Bool) -> [String] {
        let mechanisms = SASLMechanism.allCases.map(\.rawValue).joined(separator: " ")
        let startTLS = settings.offersStartTLS && !tls
        switch self {
        case .standard:
            var lines = [settings.hostname, "PIPELINING", "SIZE \(settings.maximumMessageOctets)"]
            if startTLS { lines.append("STARTTLS") }
            // The second form is for clients older than RFC 2554.
            if auth { lines += ["AUTH \(mechanisms)", "AUTH=\(mechanisms)"] }
            return lines + ["ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8"]
        case .directMail:
            return ["smtp.aliyun-inc.com"] + (startTLS ? ["STARTTLS"] : [])
                + ["8BITMIME", "AUTH=PLAIN LOGIN XALIOAUTH", "AUTH PLAIN LOGIN XALIOAUTH", "PIPELINING", "DSN"]
        }
    }

    var usernamePrompt: String { self == .standard ? "Username:" : "username:" }
    var passwordPrompt: String { "Password:" }

    func text(_ standard: String, directMail: String) -> String { self == .standard ? standard : directMail }
}

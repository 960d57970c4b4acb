import ArgumentParser
import Foundation
import Relay
import RelayConfiguration
import Tracking

struct Trace: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make or read an X-AliDM-Trace value.", subcommands: [Encode.self, Decode.self])

    struct Encode: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the header field for a tag.")
        @Argument(help: "The tag.") var tag: String
        @Flag(inversion: .prefixedNo, help: "Open tracking.") var opens = true
        @Flag(inversion: .prefixedNo, help: "Click tracking.") var clicks = true

        func run() throws {
            guard TagName(tag) != nil else {
                throw Exit.failure(64, "a tag is 1 to 128 letters, digits, \"_\" and \"-\"")
            }
            let value = TraceHeader.encode(TraceRequest(tagName: tag, opens: opens, clicks: clicks))
            print("\(TraceHeader.name): \(String(decoding: value, as: UTF8.self))")
        }
    }

    struct Decode: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say what a value asks for.")
        @Argument(help: "The value, or the whole header field; - for standard input.") var value: String
        @Flag(help: "Print JSON.") var json = false

        private struct Entry: Encodable {
            let tagName: String
            let opens: Bool
            let clicks: Bool
            let warnings: [String]
        }

        func run() throws {
            var bytes = value == "-" ? try Output.contents("-") : Array(value.utf8)
            let prefix = "\(TraceHeader.name.lowercased()):"
            if String(decoding: bytes.prefix(prefix.utf8.count), as: UTF8.self).lowercased() == prefix {
                bytes.removeFirst(prefix.utf8.count)
            }
            switch TraceHeader.parse(bytes) {
            case .failure(let defect): throw Exit.failure(65, defect.sentence)
            case .success(let request):
                if json {
                    return try Output.json(
                        Entry(
                            tagName: request.tagName, opens: request.opens, clicks: request.clicks,
                            warnings: request.warnings))
                }
                print(
                    "tag \(request.tagName), opens \(request.opens ? "on" : "off"), clicks \(request.clicks ? "on" : "off")"
                )
                for warning in request.warnings { print("warning: \(warning)") }
            }
        }
    }
}

struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "What a tracked link stands for.", subcommands: [Open.self])

    struct Open: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Open a tracked link or a pixel's address with the key file.")
        @OptionGroup var configuration: ConfigurationOption
        @Argument(help: "The address.") var url: String
        @Flag(help: "Print JSON.") var json = false

        private struct Entry: Encodable {
            let kind: String
            let message: String
            let recipient: Int
            let link: Int?
            let target: String?
            let key: Int
        }

        func run() throws {
            let settings = try configuration.load()
            let codec = try Exit.guarded(78) {
                try TrackingKeys.codec(try TrackingKeys.load(settings.keyFile))
            }
            let path = url.prefix { $0 != "?" && $0 != "#" }.split(separator: "/").suffix(2).map(String.init)
            guard path.count == 2, let kind = TokenKind.allCases.first(where: { $0.pathSegment == path[0] }) else {
                throw Exit.failure(64, "expected an address ending in /c/TOKEN or /o/TOKEN.gif")
            }
            let text = path[1].hasSuffix(".gif") ? String(path[1].dropLast(4)) : path[1]
            guard let (token, key) = codec.open(Array(text.utf8), kind: kind) else {
                throw Exit.failure(
                    65,
                    "none of the keys in \(settings.keyFile) signed this token for a \(kind == .open ? "pixel" : "link")"
                )
            }
            var link: Int?
            var target: String?
            if case .click(let number, let bytes) = token.content {
                link = number
                target = String(decoding: bytes, as: UTF8.self)
            }
            if json {
                return try Output.json(
                    Entry(
                        kind: kind == .open ? "open" : "click", message: token.message.description,
                        recipient: token.recipient,
                        link: link, target: target, key: Int(key)))
            }
            print(
                "\(kind == .open ? "pixel" : "link \(link ?? 0)") of message \(token.message), recipient \(token.recipient), key \(key)"
            )
            if let target { print("leads to \(target)") }
        }
    }
}

struct Key: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The tracking keys.",
        discussion: "Losing a key is the one way to break links in delivered mail: keep a copy of the key file.",
        subcommands: [List.self, Add.self, Retire.self])

    private static func load(_ configuration: ConfigurationOption) throws -> (KeyRing, String) {
        let path = try configuration.load().keyFile
        return (try Exit.guarded(78) { try TrackingKeys.load(path) }, path)
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The keys, without their secrets.")
        @OptionGroup var configuration: ConfigurationOption
        @Flag(help: "Print JSON.") var json = false

        private struct Entry: Encodable {
            let id: Int
            let status: String
            let created: Int64
            let signs: Bool
        }

        func run() throws {
            let (ring, _) = try Key.load(configuration)
            for key in ring.keys {
                let signs = key.id == ring.signing?.id
                if json {
                    try Output.json(
                        Entry(id: Int(key.id), status: key.status.rawValue, created: key.created, signs: signs))
                } else {
                    print(
                        "\(key.id)  \(key.status.rawValue)  \(Output.time(key.created * 1_000))\(signs ? "  signs" : "")"
                    )
                }
            }
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key that signs from the next start of the service on; older ones go on verifying.")
        @OptionGroup var configuration: ConfigurationOption
        @Flag(help: "Make a key file where it is lost; links in mail that went out with the lost keys stay dead.")
        var newFile = false

        func run() throws {
            let settings = try configuration.load()
            let path = settings.keyFile
            let ring = try Exit.guarded(78) {
                guard TrackingKeys.isThere(path) else {
                    if !newFile { try TrackingKeys.check(path, dataDirectory: settings.dataDirectory) }
                    try TrackingKeys.make(path)
                    return try TrackingKeys.load(path)
                }
                return try TrackingKeys.change(path) { ring in
                    try TrackingKeys.add(to: &ring)
                    return ring
                }
            }
            print("key \(ring.signing?.id ?? 0) signs; restart the service to use it")
        }
    }

    struct Retire: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop a key from signing; its links go on working. With --revoke they stop working too.")
        @OptionGroup var configuration: ConfigurationOption
        @Argument(help: "Number of the key.") var id: UInt8
        @Flag(help: "Break every link this key has signed.") var revoke = false

        func run() throws {
            let path = try configuration.load().keyFile
            do {
                try TrackingKeys.change(path) { ring in
                    guard ring.set(revoke ? .revoked : .retired, for: id) else {
                        throw Exit.failure(64, "there is no key \(id) in \(path)")
                    }
                    guard ring.signing != nil else {
                        throw Exit.failure(64, "key \(id) is the only active one; `tracerelay key add` first")
                    }
                }
            } catch let failure as TrackingKeys.Failure {
                throw Exit.failure(78, "\(failure)")
            }
            print("key \(id) is \(revoke ? "revoked" : "retired"); restart the service to use the change")
        }
    }
}

struct Password: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a line for a listener's auth-file; the password is read from standard input.")
    @Argument(help: "The name to log in with.") var name: String

    func run() throws {
        guard let password = readLine(strippingNewline: true), !password.isEmpty else {
            throw Exit.failure(65, "give the password on standard input")
        }
        print("\(name):\(try Exit.guarded(70) { try PasswordLine.make(password) })")
    }
}

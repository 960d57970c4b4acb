import Foundation
import RelayConfiguration
import SMTPProtocol
import Testing
import Tracking

private let minimal = """
    [upstream.default]
    address = "127.0.0.1:25"
    [tracking]
    base-url = "https://t.example.com"

    """

private func errors(_ text: String) -> [String] {
    do {
        _ = try ConfigurationLoader.parse(text, file: "relay.conf")
        return []
    } catch {
        return error.errors.map(\.description)
    }
}

private let example: String = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    return (try? String(contentsOf: root.appendingPathComponent("relay.conf.example"), encoding: .utf8)) ?? ""
}()

@Test func theExampleLoadsAsItStands() throws {
    let settings = try ConfigurationLoader.parse(example, file: "relay.conf.example")
    #expect(settings.upstreams["default"]?.maximumRecipients == 60)
    #expect(settings.policies.tags.count == 2 && settings.policies.rules.count == 1)
    #expect(settings.limits.messageOctets == 25 << 20)
    #expect(settings.queue.retry.last == .seconds(3_600))
    #expect(settings.warnings.isEmpty)
}

@Test func theExampleNamesEveryKeyAndNoOther() {
    var section = ""
    var named: [String: Set<String>] = [:]
    for raw in example.split(separator: "\n") {
        let line = raw.drop { $0 == "#" || $0 == " " }
        if line.hasPrefix("[") {
            let name = line.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces)
            section = name.hasPrefix("[tag.") ? "[tag.NAME]" : name.hasPrefix("[upstream.") ? "[upstream.NAME]" : name
        } else if let equals = line.firstIndex(of: "="),
            line[..<equals].dropLast().allSatisfy({ $0.isLetter || $0 == "-" })
        {
            named[section, default: []].insert(String(line[..<equals].dropLast()))
        }
    }
    for (heading, keys) in Schema.sections {
        // What a tag inherits stands under [tracking].
        let inherited = heading == "[tag.NAME]" ? Set(PolicyKey.ofTracking.map(\.name)) : []
        let known = Set(keys).subtracting(inherited)
        #expect(known.subtracting(named[heading] ?? []) == [], "missing under \(heading)")
        #expect((named[heading] ?? []).subtracting(keys) == [], "unknown under \(heading)")
    }
}

/// Behind each policy key the example says what its row says, and gives the default as the row does.
@Test func theExampleSaysOfEachPolicyKeyWhatItsRowSays() throws {
    let lines = example.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    let builtIn = TagPolicy(baseURL: try BaseURL("https://t.example.com"))
    let start = try #require(lines.firstIndex(of: "[tracking]"))
    for key in PolicyKey.all {
        let number = try #require(lines[start...].firstIndex { $0.hasPrefix("\(key.name) = ") }, "\(key.name)")
        let line = lines[number]
        #expect(
            line.hasSuffix("  # \(key.sentence)") || lines[number - 1] == "# \(key.sentence)", "\(key.name): \(line)")
        // Nothing is built in for the host, and a key of a tag alone is shown in use.
        guard key.name != "base-url", key.scope == .everywhere else { continue }
        #expect(line.hasPrefix("\(key.name) = \(key.value(in: builtIn))  "), "\(key.name): \(line)")
    }
}

@Test(arguments: [
    ("", "relay.conf:1:1: no upstream; add [upstream.default] with `address = \"HOST:PORT\"`"),
    (
        minimal + "[tag.a]\nclik = \"never\"\n",
        "relay.conf:6:1: unknown key \"clik\" in [tag.a]; did you mean \"clicks\"?"
    ),
    (
        minimal + "[tag.a]\n  clicks = \"nevr\"\n",
        "relay.conf:6:3: clicks: \"nevr\" is not one of \"as-asked\", \"always\", \"never\"; did you mean \"never\"?"
    ),
    (
        minimal + "[queue]\nlifetime = 5\n",
        "relay.conf:6:1: lifetime: must be a string in quotes, not a value of type int"
    ),
    (
        minimal + "[queue]\nlifetime = \"5 parsecs\"\n",
        "relay.conf:6:1: lifetime: \"5 parsecs\" is not a time with a unit such as \"500ms\", \"30s\", \"5m\", \"2h\" or \"5d\""
    ),
    (
        minimal + "[limits]\nmessage-size = \"25\"\n",
        "relay.conf:6:1: message-size: \"25\" is not a size with a unit such as \"512KiB\", \"25MiB\" or \"1GB\""
    ),
    (
        minimal + "[[listener]]\naddress = \"0.0.0.0:25\"\n",
        "relay.conf:6:1: address: a listener that is not on loopback needs `networks` or `auth-file`, else it is an open relay"
    ),
    (
        minimal.replacing("127.0.0.1:25\"", with: "mail.example.com:25\"\ntls = \"none\""),
        "relay.conf:3:1: tls: \"none\" would send mail and password in clear; use \"starttls\", or set i-accept-cleartext = true"
    ),
    (
        minimal + "[[rule]]\ntag = \"nwes\"\n[tag.news]\n",
        "relay.conf:6:1: tag: there is no [tag.nwes]; did you mean \"news\"?"
    ),
    (
        minimal + "[tag.a]\nupstream = \"defualt\"\n",
        "relay.conf:6:1: upstream: there is no [upstream.defualt]; did you mean \"default\"?"
    ),
    (
        minimal.replacing("https://t.example.com", with: "t.example.com"),
        "relay.conf:4:1: base-url: it must be an http or https address such as \"https://track.example.com\""
    ),
    (
        minimal
            + "[[listener]]\naddress = \"127.0.0.1:1\"\n[[listener]]\naddress = \"127.0.0.1:2\"\ntls = \"starttls\"\n",
        "relay.conf:9:1: tls: needs `certificate-file` and `key-file`"
    ),
    (
        minimal + "[[listener]]\naddress = \"127.0.0.1:2525\"\n[[listener]]\naddress = \"0.0.0.0:2525\"\n"
            + "networks = [\"10.0.0.0/8\"]\n",
        "relay.conf:8:1: address: 0.0.0.0:2525 and 127.0.0.1:2525 need the same port; choose another"
    ),
    (
        minimal + "[[listener]]\naddress = \"localhost:2525\"\n[web]\naddress = \"127.0.0.1:2525\"\n",
        "relay.conf:8:1: address: 127.0.0.1:2525 and localhost:2525 need the same port; choose another"
    ),
    (
        minimal + "[web]\naddress = \"127.0.0.1:2525\"\n",
        "relay.conf:6:1: address: 127.0.0.1:2525 and 127.0.0.1:2525 need the same port; choose another"
    ),
    (
        minimal + "[web]\ntracking-address = \"[::]:8025\"\n",
        "relay.conf:6:1: address: [::]:8025 and 127.0.0.1:8025 need the same port; choose another"
    ),
    (
        minimal + "[[listener]]\naddress = \"0.0.0.0:25\"\nnetworks = [\"0.0.0.0/1\", \"128.0.0.0/1\"]\n",
        "relay.conf:7:1: networks: so many addresses that may send without a password are an open relay; name the networks of your machines"
    ),
    (
        minimal + "[[listener]]\naddress = \"[::]:25\"\nnetworks = [\"2000::/3\"]\n",
        "relay.conf:7:1: networks: so many addresses that may send without a password are an open relay; name the networks of your machines"
    ),
    (minimal + "[queue]\nlifetime = \"0s\"\n", "relay.conf:6:1: lifetime: must be 1s to 365d"),
    (
        minimal + "[queue]\nretry = [\"0s\"]\n",
        "relay.conf:6:1: retry: needs at least one wait, and none shorter than 100ms"
    ),
    (
        minimal + "[tag.a]\ndescription = \"\(String(repeating: "é", count: 501))\"\n",
        "relay.conf:6:1: description: must be at most 500 characters"
    ),
    (minimal + "tag = { a = { clik = 1 } }\n", "relay.conf:5:1: unknown key \"tag\" in [tracking]"),
])
func errorsNameThePlaceAndTheMend(_ text: String, _ expected: String) {
    let found = errors(text)
    #expect(found.contains { $0 == expected || expected.hasSuffix("[tracking]") && $0.hasPrefix(expected) }, "\(found)")
}

/// Networks that are large and nobody's but the owner's, and ports that only look the same.
@Test(arguments: [
    "[[listener]]\naddress = \"0.0.0.0:25\"\nnetworks = [\"10.0.0.0/8\", \"172.16.0.0/12\", \"fc00::/7\"]\n",
    "[[listener]]\naddress = \"127.0.0.1:2525\"\n[[listener]]\naddress = \"127.0.0.2:2525\"\n",
    "[[listener]]\naddress = \"127.0.0.1:0\"\n[[listener]]\naddress = \"127.0.0.1:0\"\n",
    "[[listener]]\naddress = \"0.0.0.0:2525\"\nnetworks = [\"10.0.0.0/8\"]\n[[listener]]\naddress = \"[::1]:2525\"\n",
])
func whatIsRightIsNoError(_ text: String) { #expect(errors(minimal + text) == []) }

@Test func aTrackersPortsDiffer() {
    let text = "[tracking]\nbase-url = \"https://t.example.com\"\n[web]\ntracking-address = \"127.0.0.1:8025\"\n"
    #expect {
        try ConfigurationLoader.parseTracker(text, file: "relay.conf")
    } throws: { error in
        "\(error)".contains(
            "relay.conf:4:1: address: 127.0.0.1:8025 and 127.0.0.1:8025 need the same port; choose another")
    }
}

@Test func allErrorsComeAtOnceInTheirOrder() {
    let found = errors(minimal + "[tag.a]\nx = 1\n[queue]\ny = 2\n[log]\nlevel = \"loud\"\n")
    #expect(found.map { $0.split(separator: ":")[1] } == ["6", "8", "10"])
}

@Test func aSyntaxErrorHasItsPlace() {
    #expect(errors("a = [1,\nb = \"").first?.hasPrefix("relay.conf:2:") == true)
}

@Test(arguments: [("http://t.example.com", 1), ("https://t.example.com", 0), ("http://127.0.0.1", 0)])
func aHostWithoutTLSIsWarnedOfOnce(_ base: String, _ count: Int) throws {
    let settings = try ConfigurationLoader.parse(
        minimal.replacing("https://t.example.com", with: base) + "[tag.a]\n[tag.b]\n", file: "f")
    #expect(settings.warnings.count { $0.message.contains("https pages stay untracked") } == count)
}

@Test func tagsInheritAndSayFromWhere() throws {
    let settings = try ConfigurationLoader.parse(
        minimal + "clicks = \"never\"\n[tag.a]\nclicks = \"always\"\nutm = { utm_source = \"s\" }\n[tag.b]\n", file: "f"
    )
    let a = try #require(TagName("a")), b = try #require(TagName("b"))
    #expect(settings.policies.tags[a]?.clicks == .always && settings.policies.tags[b]?.clicks == .never)
    #expect(settings.policies.tags[a]?.utm == [CampaignParameter(name: "utm_source", value: "s")])
    func origin(_ tag: TagName, _ key: String) -> String? {
        settings.policyLines[tag]?.first { $0.key == key }?.origin
    }
    #expect(origin(a, "clicks") == "[tag.a], line 7")
    #expect(origin(b, "clicks") == "[tracking], line 5")
    #expect(origin(b, "pixel") == "built in")
}

@Test func defaultsAreThoseOfTheContract() throws {
    let settings = try ConfigurationLoader.parse(minimal, file: "f")
    #expect(settings.listeners.map(\.address.description) == ["127.0.0.1:2525", "[::1]:2525"])
    #expect(settings.upstreams["default"]?.tls == .starttls)
    #expect(settings.queue.lifetime == .seconds(432_000))
    #expect(settings.web.address.description == "127.0.0.1:8025")
}

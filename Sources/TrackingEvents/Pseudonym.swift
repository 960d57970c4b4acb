import Tracking

/// Cuts down what is kept of a reader.
public enum Pseudonym {
    /// An IPv4 address to /24, an IPv6 address to /48; anything else to nothing.
    public static func address(_ text: String) -> String {
        // A zone ("%eth0") names an interface of this machine.
        guard let address = IPAddress(text.prefix { $0 != "%" }) else { return "" }
        let kept = address.octets.count == 4 ? 3 : 6
        let network = address.octets.prefix(kept) + [UInt8](repeating: 0, count: address.octets.count - kept)
        return IPAddress(octets: Array(network)).map { "\($0)/\(kept * 8)" } ?? ""
    }

    /// The family of a user agent.
    public static func agent(_ text: String) -> String {
        let families = [
            "Thunderbird", "Outlook", "GoogleImageProxy", "YahooMailProxy", "Edg", "OPR", "Firefox", "Chrome", "Safari",
            "curl", "Wget",
        ]
        return families.first { text.contains($0) } ?? String(text.prefix { $0 != "/" && $0 != " " }.prefix(24))
    }
}

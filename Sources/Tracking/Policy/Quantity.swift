/// Quantities with units, as relay.conf, the command's options and the hit classes write them.
public enum Quantity {
    /// What a time looks like, for whoever wrote none.
    public static let durationHint = "a time with a unit such as \"500ms\", \"30s\", \"5m\", \"2h\" or \"5d\""
    /// What a size looks like, for whoever wrote none.
    public static let sizeHint = "a size with a unit such as \"512KiB\", \"25MiB\" or \"1GB\""

    /// Reads a time such as `500ms`, `30s` or `5d`: at most a hundred years.
    public static func duration(_ text: String) -> Duration? {
        let units: [(String, Int)] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
        return scaled(text, units).flatMap { $0 <= longest ? .milliseconds($0) : nil }
    }

    /// Milliseconds of 100 years: in nanoseconds it is still a number of 63 bits.
    private static let longest = 36_525 * 86_400_000

    /// A time in the largest unit that needs no fraction.
    public static func text(_ duration: Duration) -> String {
        let milliseconds = Int(duration / .milliseconds(1))
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
        let unit = units.first { milliseconds % $0.1 == 0 && (milliseconds > 0 || $0.0 == "s") } ?? ("ms", 1)
        return "\(milliseconds / unit.1)\(unit.0)"
    }

    /// Reads a size such as `512KiB` or `25MiB`.
    public static func octets(_ text: String) -> Int? {
        let units = [
            ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1_000), ("MB", 1_000_000),
            ("GB", 1_000_000_000), ("B", 1),
        ]
        return scaled(text, units)
    }

    private static func scaled(_ text: String, _ units: [(String, Int)]) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let number = Int(digits), let factor = units.first(where: { $0.0 == unit })?.1 else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow || product > 1 << 50 ? nil : product
    }
}

import Glibc

/// Days and hours as the machine's clock shows them (TZ).
public struct LocalTime: Sendable {
    /// Days begin at a quarter of an hour in every time zone there is.
    private static let quarter: Int64 = 900_000
    private var known: [Int64: Int64] = [:]
    private let offset: Int64?

    /// Remembers the days it is asked for.
    /// - Parameter offset: milliseconds east of UTC; `nil` for the machine's clock.
    public init(offset: Int64? = nil) { self.offset = offset }

    /// A time with its day.
    public mutating func moment(_ time: Int64) -> Moment { Moment(time: time, day: day(of: time)) }

    /// The day of a moment in milliseconds since 1970, such as `20261124`.
    public mutating func day(of time: Int64) -> Int64 {
        let quarter = time / Self.quarter
        if let day = known[quarter] { return day }
        if known.count > 10_000 { known.removeAll(keepingCapacity: true) }
        let day = offset.map { Self.day(Self.fields(time + $0, isUniversal: true)) } ?? Self.day(of: time)
        known[quarter] = day
        return day
    }

    /// The day of a moment.
    public static func day(of time: Int64) -> Int64 {
        day(fields(time))
    }

    private static func day(_ fields: tm) -> Int64 {
        (Int64(fields.tm_year) + 1_900) * 10_000 + (Int64(fields.tm_mon) + 1) * 100 + Int64(fields.tm_mday)
    }

    /// The moment a day begins.
    public static func start(of day: Int64) -> Int64 {
        var fields = tm()
        fields.tm_year = Int32(clamping: day / 10_000 - 1_900)
        fields.tm_mon = Int32(clamping: day / 100 % 100 - 1)
        fields.tm_mday = Int32(clamping: day % 100)
        fields.tm_isdst = -1
        return Int64(mktime(&fields)) * 1_000
    }

    /// The day `count` days later.
    public static func day(_ day: Int64, plus count: Int) -> Int64 {
        // Noon is noon whatever summer time does.
        Self.day(of: start(of: day) + Int64(count) * 86_400_000 + 43_200_000)
    }

    /// Reads `2026-11-24`; `nil` for anything that is no day of the calendar between 1970 and 2999.
    public static func day(_ text: some StringProtocol) -> Int64? {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
        guard text.utf8.count == 10, digits.count == 8,
            digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            let number = Int64(String(decoding: digits, as: UTF8.self)), 1970_01_02...2999_12_30 ~= number,
            day(of: start(of: number)) == number, text == string(day: number)
        else { return nil }
        return number
    }

    /// `2026-11-24`.
    public static func string(day: Int64) -> String { "\(day / 10_000)-\(two(day / 100 % 100))-\(two(day % 100))" }

    /// `2026-11-24 14:03:59`.
    public static func string(_ time: Int64) -> String {
        let fields = fields(time)
        return "\(string(day: day(of: time))) \(two(Int64(fields.tm_hour))):\(two(Int64(fields.tm_min))):"
            + two(Int64(fields.tm_sec))
    }

    /// `14:03`.
    public static func hour(_ time: Int64) -> String {
        let fields = fields(time)
        return "\(two(Int64(fields.tm_hour))):\(two(Int64(fields.tm_min)))"
    }

    private static func two(_ number: Int64) -> String { (number < 10 ? "0" : "") + String(number) }

    private static func fields(_ time: Int64, isUniversal: Bool = false) -> tm {
        var seconds = time_t(time / 1_000)
        var fields = tm()
        if isUniversal { gmtime_r(&seconds, &fields) } else { localtime_r(&seconds, &fields) }
        return fields
    }
}

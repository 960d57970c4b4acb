import Glibc

/// The wall clock.
public enum SystemClock {
    /// Milliseconds since 1970.
    public static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// A moment in UTC, taken apart.
struct CalendarTime {
    let milliseconds: Int64
    private let fields: tm

    init(milliseconds: Int64) {
        self.milliseconds = milliseconds
        var seconds = time_t(milliseconds / 1_000)
        var fields = tm()
        gmtime_r(&seconds, &fields)
        self.fields = fields
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + String(number) }

    /// RFC 5322 §3.3.
    var mailDate: String {
        let day = Self.days[Int(fields.tm_wday) % 7]
        let month = Self.months[Int(fields.tm_mon) % 12]
        return "\(day), \(fields.tm_mday) \(month) \(Int(fields.tm_year) + 1_900) "
            + "\(two(fields.tm_hour)):\(two(fields.tm_min)):\(two(fields.tm_sec)) +0000"
    }

    /// RFC 3339 with milliseconds.
    var iso8601: String {
        let fraction = String(1_000 + milliseconds % 1_000).dropFirst()
        return "\(Int(fields.tm_year) + 1_900)-\(two(fields.tm_mon + 1))-\(two(fields.tm_mday))T"
            + "\(two(fields.tm_hour)):\(two(fields.tm_min)):\(two(fields.tm_sec)).\(fraction)Z"
    }
}

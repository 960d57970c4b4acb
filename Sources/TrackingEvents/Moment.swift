/// A time with the day it counts in. The day is settled once, by the clock of whoever stores first, and kept: another time
/// zone later moves nothing from one day's figures to another's.
public struct Moment: Sendable, Hashable {
    /// Milliseconds since 1970.
    public var time: Int64
    /// Such as `20261124`.
    public var day: Int64

    /// A time and its day.
    public init(time: Int64, day: Int64) {
        self.time = time
        self.day = day
    }
}

import GRDB
import Glibc
import MessageQueue

/// How far the writer is with erasing what has left the queue.
struct QueueErasure {
    /// Octets of a segment that are nobody's mail any more, and never will be: what is appended stands behind them.
    struct Hole: Equatable {
        let segment: Int64
        let offset: Int64
        let count: Int64
    }

    /// Between two rounds.
    let pause: Duration
    /// Of this round, not erased yet.
    var holes: [Hole] = []
    /// Rows have left, or changed, since the log of the database was emptied.
    var isLogSoiled = true
    var rests = ContinuousClock.now
    /// The last round failed, and that was told.
    var isComplaining = false

    /// What stands between the contents of a segment.
    /// - Parameters:
    ///   - places: first octet and length of each content, by first octet.
    ///   - end: octets of the segment.
    /// - Returns: `nil` where the places cannot be true: nothing is erased by rows that cannot be believed.
    static func holes(_ segment: Int64, between places: [(start: Int64, count: Int64)], end: Int64) -> [Hole]? {
        var holes: [Hole] = []
        var done: Int64 = 0
        for place in places {
            let (next, overflows) = place.start.addingReportingOverflow(place.count)
            guard place.start >= done, place.count >= 0, !overflows, next <= end else { return nil }
            if place.start > done { holes.append(Hole(segment: segment, offset: done, count: place.start - done)) }
            done = next
        }
        if end > done { holes.append(Hole(segment: segment, offset: done, count: end - done)) }
        return holes
    }
}

/// Text and addresses of mail that has left the queue leave the disk: segments go when nothing in them is alive, and what
/// stands between the living is erased about once a minute, once the deletion of its rows is synced.
extension QueueWriter {
    /// Holes made at once: mail that comes in waits for them.
    private static let erasedAtOnce = 200

    /// - Parameter isLast: the queue closes, so that there is no later round.
    func erase(isLast: Bool = false) {
        do {
            if erasure.holes.isEmpty {
                guard isLast || ContinuousClock.now >= erasure.rests else { return }
                erasure.rests = .now + erasure.pause
                for number in segments.soiled { try findHoles(number) }
            }
            try makeHoles(isLast ? .max : Self.erasedAtOnce)
            if erasure.holes.isEmpty, erasure.isLogSoiled, try SQLiteFile.emptyLogIfIdle(database) {
                erasure.isLogSoiled = false
            }
            erasure.isComplaining = false
        } catch {
            for hole in erasure.holes { segments.soil(hole.segment) }
            erasure.holes = []
            guard !erasure.isComplaining else { return }
            erasure.isComplaining = true
            report("text of mail that has left the queue could not be erased, it is tried again: \(error)")
        }
    }

    private func findHoles(_ number: Int64) throws {
        guard let end = segments.segments[number]?.octets else { return segments.cleaned(number) }
        let rows = try database.read { database in
            try Row.fetchAll(
                database, sql: "SELECT start, octets, damaged FROM message WHERE segment = ? ORDER BY start",
                arguments: [number])
        }
        var places: [(start: Int64, count: Int64)] = []
        for row in rows {
            guard let start = Int64.fromDatabaseValue(row["start"]), let count = Int64.fromDatabaseValue(row["octets"]),
                Int64.fromDatabaseValue(row["damaged"]) == 0
            else { return }
            places.append((start, count))
        }
        guard let holes = QueueErasure.holes(number, between: places, end: end) else { return }
        erasure.holes += holes
        segments.cleaned(number)
    }

    private func makeHoles(_ limit: Int) throws {
        var descriptor: (segment: Int64, number: Int32)?
        defer { if let descriptor { Glibc.close(descriptor.number) } }
        for hole in erasure.holes.suffix(limit).reversed() {
            if let open = descriptor, open.segment != hole.segment {
                Glibc.close(open.number)
                descriptor = nil
            }
            // It may have been removed since.
            if segments.segments[hole.segment] != nil {
                let number = try descriptor?.number ?? system.open(segments.path(hole.segment), O_RDWR)
                descriptor = (hole.segment, number)
                try system.erase(number, at: hole.offset, count: hole.count)
            }
            erasure.holes.removeLast()
        }
    }
}

import Glibc
import MessageQueue

/// What a start finds in the segments' directory. It removes what is provably nobody's mail, and nothing else.
extension SegmentFiles {
    struct Recovered {
        var removed = 0
        var setAside = 0
    }

    /// Where segments go that no row knows, though they may hold mail.
    var asideDirectory: String { directory + "/orphaned" }

    /// Numbers of the segments that are there.
    /// - Throws: ``SystemError`` where the directory cannot be read.
    static func numbers(in directory: String) throws -> [Int64] { try Files.names(in: directory).compactMap(number) }

    private static func number(_ name: String) -> Int64? {
        guard name.hasSuffix(".segment"), let number = Int64(name.dropLast(8)), name == "\(number).segment" else {
            return nil
        }
        return number
    }

    /// `1234-5.spill`: a content that was never acknowledged; a spill loses this name before its row is written.
    private static func isSpill(_ name: String) -> Bool {
        guard name.hasSuffix(".spill") else { return false }
        let parts = name.dropLast(6).split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isWholeNumber) }
    }

    /// Takes over what the rows point into.
    ///
    /// A segment without rows goes only when the database accounts for all its octets: each group writes how far its
    /// segments reach, in the transaction of its rows, so that everything up to there was in a row once, and has left.
    /// Octets beyond are either of a group that was cut short, or of rows that the database has lost since: set aside.
    /// - Parameters:
    ///   - live: use of each segment, by the rows.
    ///   - accounted: octets of each segment, by the table.
    /// - Throws: ``SystemError``; then nothing was removed that had to stay.
    func recover(_ live: [Int64: (count: Int, octets: Int64)], accounted: [Int64: Int64]) throws -> Recovered {
        var result = Recovered()
        for number in Array(live.keys) + accounted.keys { lastNumber = max(lastNumber, number) }
        for name in try Files.names(in: directory) {
            guard let number = Self.number(name) else {
                if Self.isSpill(name) { try system.remove("\(directory)/\(name)") }
                continue
            }
            lastNumber = max(lastNumber, number)
            let octets = try Files.size(path(number)) ?? 0
            if let use = live[number] {
                segments[number] = Segment(liveCount: use.count, liveOctets: use.octets, octets: octets)
                // What left it before the end of the last run may not have been erased.
                soil(number)
            } else if octets <= accounted[number] ?? 0 {
                try system.remove(path(number))
                result.removed += 1
            } else {
                try setAside(number)
            }
        }
        if try Files.size(asideDirectory) != nil {
            let numbers = try Self.numbers(in: asideDirectory)
            result.setAside = numbers.count
            // A number is never given twice, or one would replace the other there.
            lastNumber = max(lastNumber, numbers.max() ?? 0)
        }
        return result
    }

    private func setAside(_ number: Int64) throws {
        try Files.makeDirectory(asideDirectory)
        try system.syncDirectory(directory)
        try system.move(path(number), to: Self.path(asideDirectory, number))
        try system.syncDirectory(asideDirectory)
        try system.syncDirectory(directory)
    }
}

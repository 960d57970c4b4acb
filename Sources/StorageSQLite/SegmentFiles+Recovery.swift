import Glibc
import MessageQueue

/// What a start finds in the segments' directory. It removes what is provably nobody's mail, and nothing else.
extension SegmentFiles {
    struct Recovered {
        var removed = 0
        var setAside = 0
        /// Rows of these contents were on disk once, and are not there now.
        var isOlderThanMail = false
        /// Segments whose octets are all accounted for now.
        var settled: [Int64: Int64] = [:]
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
    /// Octets beyond are either of a group that was cut short, or of rows that the database has lost since: set aside. So is
    /// what lies beyond in a segment that has rows, unless the mark says that the database is as young as the segments: what
    /// is left then was never acknowledged.
    /// - Parameters:
    ///   - live: use of each segment, by the rows.
    ///   - accounted: octets of each segment, by the table.
    /// - Throws: ``SystemError``; then nothing was removed that had to stay.
    func recover(_ live: [Int64: (count: Int, octets: Int64)], accounted: [Int64: Int64]) throws -> Recovered {
        var result = Recovered()
        for number in Array(live.keys) + accounted.keys { lastNumber = max(lastNumber, number) }
        let isYoung = try isAsYoungAsMail(accounted)
        result.isOlderThanMail = isYoung == false
        for name in try Files.names(in: directory) {
            guard let number = Self.number(name) else {
                if Self.isSpill(name) { try system.remove("\(directory)/\(name)") }
                continue
            }
            lastNumber = max(lastNumber, number)
            let octets = try Files.size(path(number)) ?? 0
            if let use = live[number] {
                // Of the first form nothing was accounted for.
                if let end = accounted[number], end < octets {
                    if isYoung != true { try copyAside(number, from: end, to: octets) }
                    result.settled[number] = octets
                }
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
            result.setAside = try Files.names(in: asideDirectory).count { $0.hasSuffix(".segment") }
            // A number is never given twice, or one would replace the other there.
            lastNumber = max(lastNumber, try Self.numbers(in: asideDirectory).max() ?? 0)
        }
        return result
    }

    /// Whether the rows know as much as was on disk once; `nil` where nobody can say.
    private func isAsYoungAsMail(_ accounted: [Int64: Int64]) throws -> Bool? {
        guard let mark = try SegmentMark.read(directory), try Files.size(path(mark.segment)) != nil else { return nil }
        return accounted[mark.segment] ?? 0 >= mark.end
    }

    /// Keeps the end of a segment that goes on being used. The name says what it is: one that is there already is the same.
    private func copyAside(_ number: Int64, from start: Int64, to end: Int64) throws {
        try Files.makeDirectory(asideDirectory)
        try system.syncDirectory(directory)
        let target = "\(asideDirectory)/\(number)-\(start)-\(end).segment"
        guard try Files.size(target) == nil else { return }
        let source = try system.open(path(number), O_RDONLY)
        defer { Glibc.close(source) }
        let copy = try system.open(target + ".part", O_WRONLY | O_CREAT | O_TRUNC)
        defer { Glibc.close(copy) }
        var offset = start
        while offset < end {
            let piece = try Files.read(source, offset: offset, count: Int(min(end - offset, 1 << 20)))
            guard !piece.isEmpty else { throw SystemError("read \(path(number))", code: EIO) }
            try system.write(copy, piece, at: offset - start)
            offset += Int64(piece.count)
        }
        try system.sync(copy)
        try system.move(target + ".part", to: target)
        try system.syncDirectory(asideDirectory)
    }

    private func setAside(_ number: Int64) throws {
        try Files.makeDirectory(asideDirectory)
        try system.syncDirectory(directory)
        try system.move(path(number), to: Self.path(asideDirectory, number))
        try system.syncDirectory(asideDirectory)
        try system.syncDirectory(directory)
    }
}

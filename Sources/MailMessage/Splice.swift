/// One replacement of a range of the original bytes.
public struct Splice: Sendable, Equatable {
    /// What is replaced; empty for an insertion.
    public var range: Range<Int>
    /// What stands there instead.
    public var replacement: [UInt8]

    /// A replacement of `range` by `replacement`.
    public init(range: Range<Int>, replacement: [UInt8]) {
        self.range = range
        self.replacement = replacement
    }
}

/// Two edits want the same bytes.
public struct SpliceOverlap: Error, Sendable, Equatable {
    /// The edit that came second.
    public let range: Range<Int>
}

/// Ordered, non-overlapping edits of one message: the one place where bytes of a message are replaced.
///
/// All bytes outside the edits are copied, so that an empty list is the identity.
public struct SpliceList: Sendable, Equatable {
    /// The edits by position; insertions at one position in the order they were made.
    public private(set) var splices: [Splice] = []

    /// No edit.
    public init() {}

    /// An insertion, and removals at its place or behind it; they cannot collide, whatever they share.
    public init(inserting bytes: [UInt8], at offset: Int, removing ranges: [Range<Int>]) {
        splices = [Splice(range: offset..<offset, replacement: bytes)]
        var end = offset
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where range.upperBound > end {
            splices.append(Splice(range: max(range.lowerBound, end)..<range.upperBound, replacement: []))
            end = range.upperBound
        }
    }

    /// Whether there is no edit.
    public var isEmpty: Bool { splices.isEmpty }

    /// Adds an edit; edits may come in any order. What is removed already may be removed again.
    /// - Throws: ``SpliceOverlap`` when it shares a byte with an earlier one; the list is unchanged then.
    public mutating func add(_ splice: Splice) throws(SpliceOverlap) {
        var low = 0
        var high = splices.count
        while low < high {
            let middle = (low + high) / 2
            if Self.stands(splices[middle].range, before: splice.range) { low = middle + 1 } else { high = middle }
        }
        if low < splices.count, splices[low] == splice, !splice.range.isEmpty, splice.replacement.isEmpty { return }
        if low > 0, splices[low - 1].range.upperBound > splice.range.lowerBound {
            throw SpliceOverlap(range: splice.range)
        }
        if low < splices.count, splices[low].range.lowerBound < splice.range.upperBound {
            throw SpliceOverlap(range: splice.range)
        }
        splices.insert(splice, at: low)
    }

    /// An insertion stands behind earlier insertions at its place and in front of a replacement that starts there.
    private static func stands(_ left: Range<Int>, before right: Range<Int>) -> Bool {
        if left.lowerBound != right.lowerBound { return left.lowerBound < right.lowerBound }
        return left.isEmpty
    }

    /// Inserts bytes in front of the byte at `offset`.
    /// - Throws: ``SpliceOverlap`` when that is inside an earlier replacement.
    public mutating func insert(_ bytes: [UInt8], at offset: Int) throws(SpliceOverlap) {
        try add(Splice(range: offset..<offset, replacement: bytes))
    }

    /// Length of the result in octets.
    public func resultCount(originalCount: Int) -> Int {
        splices.reduce(originalCount) { $0 - $1.range.count + $1.replacement.count }
    }

    /// The edited bytes. Edits beyond the original's end are left out.
    public func applied(to original: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(max(0, resultCount(originalCount: original.count)))
        forEachPiece(of: original) { result.append(contentsOf: $0) }
        return result
    }

    /// Hands out the result piece by piece, without making a second copy of the message.
    public func forEachPiece(of original: [UInt8], _ body: (ArraySlice<UInt8>) throws -> Void) rethrows {
        var position = 0
        for splice in splices where splice.range.upperBound <= original.count && splice.range.lowerBound >= position {
            if splice.range.lowerBound > position { try body(original[position..<splice.range.lowerBound]) }
            if !splice.replacement.isEmpty { try body(splice.replacement[...]) }
            position = splice.range.upperBound
        }
        if position < original.count { try body(original[position...]) }
    }
}

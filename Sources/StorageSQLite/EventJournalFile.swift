import Foundation
import Synchronization
import TrackingEvents

/// The journal under its name: one thread appends, another reads what is whole and moves the file away when all of it is
/// stored.
final class EventJournalFile: Sendable {
    private struct State {
        var journal: EventJournal?
        var begin = Date()
    }

    private let path: String
    private let limit: Int
    /// Whether somebody else moves the file away: what comes then goes into a new one.
    private let isHandedOver: Bool
    private let state = Mutex(State())

    init(directory: String, limit: Int, isHandedOver: Bool) {
        path = directory + "/events.journal"
        self.limit = limit
        self.isHandedOver = isHandedOver
    }

    /// The journal before this one; all of it is stored.
    var oldPath: String { path + ".old" }

    /// The file that is written now.
    var current: EventJournal? { state.withLock { $0.journal } }

    /// Opens the file where it is not.
    func open() throws {
        try state.withLock { state in
            if isHandedOver, state.journal?.isInPlace == false { state.journal = nil }
            guard state.journal == nil else { return }
            state.journal = try EventJournal(path: path)
            state.begin = Date()
        }
    }

    /// Appends lines.
    func keep(_ lines: [[UInt8]]) throws {
        guard !lines.isEmpty else { return }
        try state.withLock { state in
            guard let journal = state.journal else { throw SystemError("events.journal is not open", code: EBADF) }
            try journal.append(lines, limit: limit)
        }
    }

    /// Makes room once everything is stored: lines that are old enough go, those of the last file stay beside.
    func rest(stored: Int, of journal: EventJournal, after time: TimeInterval, octets: Int) throws {
        try state.withLock { state in
            guard state.journal === journal, journal.octets == stored else { return }
            // Somebody has taken the file away; what it held is stored.
            guard journal.isInPlace else {
                state.journal = try EventJournal(path: path)
                return
            }
            guard stored > octets || Date().timeIntervalSince(state.begin) > time
            else { return }
            state.begin = Date()
            guard stored > 0 else {
                unlink(oldPath)
                return
            }
            guard rename(path, oldPath) == 0 else { throw SystemError("rename \(path)") }
            state.journal = nil
            state.journal = try EventJournal(path: path)
        }
    }
}

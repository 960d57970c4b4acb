import MessageQueue

extension QueueWriter {
    /// Least free inodes.
    private static let leastInodes = 1_000

    func checkDisk() throws {
        guard ContinuousClock.now - diskChecked > .seconds(1) else { return }
        try Self.guardDisk(system, directory, messageOctets)
        diskChecked = .now
    }

    static func guardDisk(_ system: any FileSystem, _ directory: String, _ messageOctets: Int) throws {
        let (free, total, inodes) = try system.free(at: directory)
        // 5 % of a large disk is more than any backlog of mail needs.
        let needed = max(min(total / 20, 1 << 30), messageOctets * 3 / 2)
        guard free >= needed else { throw QueueError.diskFull(path: directory, free: free, needed: needed) }
        guard inodes >= leastInodes else {
            throw QueueError.storageFailed("\(directory) has only \(inodes) inodes left")
        }
    }
}

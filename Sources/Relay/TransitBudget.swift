/// Octets of messages that may be in memory on their way to one upstream.
///
/// Each upstream has its own, so that a slow one holds up nobody else's mail; and within it small mails have a share that
/// large ones cannot take, however long they stay on a slow line.
struct TransitBudget: Sendable {
    /// What a mail has taken.
    struct Hold: Sendable {
        fileprivate let share: ByteBudget
        fileprivate let octets: Int
    }

    private let small: ByteBudget
    private let large: ByteBudget
    private let smallLimit: Int

    /// A budget of so many octets.
    init(_ octets: Int) {
        small = ByteBudget(octets / 4)
        large = ByteBudget(octets - octets / 4)
        smallLimit = octets / 16
    }

    /// Takes octets once they are free; a single message larger than its share gets all of it.
    func take(_ octets: Int) async -> Hold {
        let share = octets <= smallLimit ? small : large
        return Hold(share: share, octets: await share.take(octets))
    }

    /// Gives back what was taken.
    func giveBack(_ hold: Hold) async { await hold.share.giveBack(hold.octets) }
}

import NIOCore
import SMTPProtocol

/// The content that is coming in.
final class IncomingContent<Spill: ContentSpill> {
    var framer: DataFramer
    var bytes: [UInt8] = []
    var spill: Spill?
    /// Set once it cannot be taken; the rest is read and thrown away, since the reply belongs behind its end.
    var failure: Reply?
    var octets = 0
    let start = NIODeadline.now()

    init(_ framer: DataFramer) { self.framer = framer }

    /// It will never be a mail.
    func discard() {
        spill?.discard()
        spill = nil
        bytes.removeAll()
    }

    func fail(_ error: any Error) {
        discard()
        failure = Reply(452, EnhancedStatusCode(4, 3, 1), "\(error)")
    }

    /// Whether it comes too slowly.
    func isSlow(_ deadlines: ServerDeadlines, at now: NIODeadline) -> Bool {
        let seconds = (now - start).nanoseconds / 1_000_000_000
        return now - start > deadlines.rateGrace && Int64(octets) / max(1, seconds) < deadlines.leastRate
    }
}

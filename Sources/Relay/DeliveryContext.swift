import MessageQueue
import Tracking

/// What all deliveries share besides queue and events.
struct DeliveryContext: Sendable {
    let metrics: RelayMetrics
    /// Whether an address is on the deny list.
    let isDenied: @Sendable (String) -> Bool
    /// Called with each mail that leaves the queue.
    let archive: @Sendable (TrackingMessageID, QueuedMessage, OutgoingMail) -> Void
}

import NIOCore
import SMTPProtocol
import SMTPTransport
import Synchronization

/// What the upstreams were last seen to offer, so that no client is offered what its mail's way lacks.
final class RouteCapabilities: Sendable {
    private struct Route {
        var takesSMTPUTF8: Bool?
        var isProbing = false
        var probedAt: ContinuousClock.Instant?
        let probe: @Sendable () async -> Void
    }

    /// Between two looks at an upstream that cannot be reached.
    private static let probePause = Duration.seconds(30)

    private let routes = Mutex<[String: Route]>([:])

    /// Watches what the upstream of a route offers.
    /// - Parameter lacksSMTPUTF8: it is known never to offer it.
    /// - Returns: the route to use.
    func watched(_ route: UpstreamRoute, lacksSMTPUTF8: Bool, _ group: any EventLoopGroup) -> UpstreamRoute {
        var route = route
        let name = route.name
        if !lacksSMTPUTF8 {
            route.whenOffered = { [weak self] in self?.learn(name, takesSMTPUTF8: $0.smtpUTF8) }
        }
        add(name, takesSMTPUTF8: lacksSMTPUTF8 ? false : nil) { [route] in try? await route.probe(on: group) }
        return route
    }

    /// Adds an upstream.
    /// - Parameter probe: connects, so that ``learn(_:takesSMTPUTF8:)`` is called; nothing happens where it cannot.
    func add(_ name: String, takesSMTPUTF8: Bool?, probe: @escaping @Sendable () async -> Void) {
        routes.withLock { $0[name] = Route(takesSMTPUTF8: takesSMTPUTF8, probe: probe) }
    }

    /// An upstream has said what it takes.
    func learn(_ name: String, takesSMTPUTF8: Bool) {
        routes.withLock { $0[name]?.takesSMTPUTF8 = takesSMTPUTF8 }
    }

    /// Whether SMTPUTF8 may be offered: before the mail is there nobody knows which way it goes, so every one must take
    /// it. What is not known yet is not offered.
    var allTakeSMTPUTF8: Bool {
        routes.withLock { routes in !routes.isEmpty && routes.values.allSatisfy { $0.takesSMTPUTF8 == true } }
    }

    /// Whether one upstream takes SMTPUTF8; it is asked where it is not known.
    /// - Returns: `nil` where it cannot be reached.
    func takesSMTPUTF8(_ name: String) async -> Bool? {
        let now = ContinuousClock.now
        let (known, probe) = routes.withLock { routes -> (Bool?, (@Sendable () async -> Void)?) in
            guard var route = routes[name] else { return (nil, nil) }
            let isDue = route.probedAt.map { now - $0 > Self.probePause } ?? true
            guard route.takesSMTPUTF8 == nil, !route.isProbing, isDue else { return (route.takesSMTPUTF8, nil) }
            route.isProbing = true
            route.probedAt = now
            routes[name] = route
            return (nil, route.probe)
        }
        guard let probe else { return known }
        await probe()
        return routes.withLock { routes in
            routes[name]?.isProbing = false
            return routes[name]?.takesSMTPUTF8
        }
    }
}

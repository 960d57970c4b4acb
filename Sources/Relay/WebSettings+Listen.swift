import RelayConfiguration
import TrackingWeb

extension WebSettings {
    /// The listeners of `[web]`.
    /// - Parameter scope: of the one that does not face the Internet.
    func listeners(scope: WebListener.Scope) -> [WebListener] {
        [WebListener(host: address.host, port: address.port, scope: scope)]
            + (trackingAddress.map { [WebListener(host: $0.host, port: $0.port, scope: .tracking)] } ?? [])
    }

    /// Binds the services of ``listeners(scope:)``, in their order; all or none.
    /// - Throws: ``StartFailure``.
    func listen(_ services: [WebService], scope: WebListener.Scope) async throws -> [WebListening] {
        var all: [WebListening] = []
        for (listener, service) in zip(listeners(scope: scope), services) {
            do {
                all.append(try await service.listen())
            } catch {
                for listening in all { await listening.close() }
                throw StartFailure.listening(
                    on: Endpoint(host: listener.host, port: listener.port).description,
                    key: "[web] \(listener.scope == .tracking ? "tracking-address" : "address")", error)
            }
        }
        return all
    }
}

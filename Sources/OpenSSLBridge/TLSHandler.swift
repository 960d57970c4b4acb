public import NIOCore

/// TLS for one channel, client or server; may join a connection that already talks (STARTTLS).
///
/// Fires ``TLSHandshakeCompleted`` as a user event, or a ``TLSError`` and then closes. Bytes written before the handshake
/// is done wait for it. A connection that ends without close_notify fires ``TLSError/truncated`` first.
public final class TLSHandler: ChannelDuplexHandler, RemovableChannelHandler {
    /// Records from the peer.
    public typealias InboundIn = ByteBuffer
    /// Plaintext from the peer.
    public typealias InboundOut = ByteBuffer
    /// Plaintext to the peer.
    public typealias OutboundIn = ByteBuffer
    /// Records to the peer.
    public typealias OutboundOut = ByteBuffer

    private enum State { case waiting, handshaking, established, closing, closed }

    /// Until close_notify is out.
    private static let closeDeadline = TimeAmount.seconds(5)

    /// Whether a peer that has said close_notify may still be written to (RFC 8446 §6.1): the channel then stays open and
    /// the next handler hears `ChannelEvent.inputClosed`. For channels that allow half-closure.
    public var passesHalfClose = false

    private let connection: TLSConnection
    private var state = State.waiting
    private var pending: [(ByteBuffer, EventLoopPromise<Void>?)] = []
    private var flushedCount = 0
    private var wantsRead = false
    private var hasProduced = false

    /// A client's side.
    /// - Parameters:
    ///   - serverName: sent as SNI unless it is an address, and verified against the certificate.
    ///   - sessionKey: connections of one key share sessions, `host:port` for example.
    /// - Throws: ``TLSError/configuration(_:)`` for a name OpenSSL does not take.
    public init(client: TLSClientContext, serverName: String, sessionKey: String) throws(TLSError) {
        guard let connection = TLSConnection(client: client, serverName: serverName, sessionKey: sessionKey) else {
            throw .configuration("\"\(serverName)\" is no name a certificate can bear")
        }
        self.connection = connection
    }

    /// A server's side.
    /// - Throws: ``TLSError/configuration(_:)`` where OpenSSL has no memory.
    public init(server: TLSServerContext) throws(TLSError) {
        guard let connection = TLSConnection(server: server) else {
            throw .configuration("OpenSSL gives no connection")
        }
        self.connection = connection
    }

    /// Begins the handshake when the channel is already connected.
    public func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    /// Begins the handshake.
    public func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard state == .waiting else { return }
        state = .handshaking
        step(context)
    }

    // MARK: Inbound

    /// Asks for records unless plaintext is held back already.
    public func read(context: ChannelHandlerContext) {
        wantsRead = true
        context.read()
    }

    /// Takes records from the peer and passes plaintext on.
    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state == .handshaking || state == .established else { return }
        connection.feed(unwrapInboundIn(data))
        if state == .handshaking { step(context) }
        if state == .established { deliver(context) }
    }

    /// Ends a run of reads.
    public func channelReadComplete(context: ChannelHandlerContext) {
        send(context, promise: nil)
        if hasProduced {
            hasProduced = false
            context.fireChannelReadComplete()
        }
        // A record came in part, or none of it was for the reader: its read() still waits.
        if wantsRead, state == .handshaking || state == .established { context.read() }
    }

    private func step(_ context: ChannelHandlerContext) {
        switch connection.handshake() {
        case .needsMore:
            send(context, promise: nil)
            if wantsRead { context.read() }
        case .done:
            state = .established
            send(context, promise: nil)
            context.fireUserInboundEventTriggered(connection.summary)
            encrypt(context)
        case .failed(let error):
            // The alert goes out first.
            send(context, promise: nil)
            fail(context, error)
        }
    }

    private func deliver(_ context: ChannelHandlerContext) {
        do {
            while state == .established {
                var buffer = context.channel.allocator.buffer(capacity: 17 << 10)
                let produced = try connection.read(into: &buffer)
                if produced {
                    hasProduced = true
                    // Answered before it is passed on: a reader that asks again from within is not forgotten.
                    wantsRead = false
                    context.fireChannelRead(wrapInboundOut(buffer))
                }
                if connection.receivedCloseNotify {
                    if passesHalfClose {
                        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
                    } else {
                        close(context: context, mode: .all, promise: nil)
                    }
                    return
                }
                if !produced { return }
            }
        } catch {
            fail(context, error)
        }
    }

    /// Tells a clean end (close_notify) from a truncation.
    public func channelInactive(context: ChannelHandlerContext) {
        let before = state
        state = .closed
        failPending(ChannelError.ioOnClosedChannel)
        if before == .handshaking || before == .established, !connection.receivedCloseNotify {
            context.fireErrorCaught(TLSError.truncated)
        }
        context.fireChannelInactive()
    }

    private func fail(_ context: ChannelHandlerContext, _ error: TLSError) {
        state = .closed
        failPending(error)
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    private func failPending(_ error: any Error) {
        let waiting = pending
        pending = []
        flushedCount = 0
        for (_, promise) in waiting { promise?.fail(error) }
    }

    // MARK: Outbound

    /// Keeps plaintext until the next flush.
    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state != .closing, state != .closed else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        pending.append((unwrapOutboundIn(data), promise))
    }

    /// Encrypts what was written.
    public func flush(context: ChannelHandlerContext) {
        flushedCount = pending.count
        if state == .established { encrypt(context) }
    }

    private func encrypt(_ context: ChannelHandlerContext) {
        guard flushedCount > 0 else { return }
        let ready = pending.prefix(flushedCount)
        pending.removeFirst(flushedCount)
        flushedCount = 0
        for (buffer, promise) in ready {
            do {
                try connection.write(buffer)
            } catch {
                promise?.fail(error)
                fail(context, error)
                return
            }
            if let ciphertext = connection.takeCiphertext(context.channel.allocator) {
                context.write(wrapOutboundOut(ciphertext), promise: promise)
            } else {
                promise?.succeed()
            }
        }
        context.flush()
    }

    private func send(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        if let ciphertext = connection.takeCiphertext(context.channel.allocator) {
            context.writeAndFlush(wrapOutboundOut(ciphertext), promise: promise)
        } else {
            promise?.succeed()
        }
    }

    /// Says close_notify before the channel closes.
    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, state == .established else {
            if mode == .all { state = .closed }
            context.close(mode: mode, promise: promise)
            return
        }
        flushedCount = pending.count
        encrypt(context)
        guard state == .established else {
            context.close(mode: mode, promise: promise)
            return
        }
        state = .closing
        connection.shutdown()
        let sent = context.eventLoop.makePromise(of: Void.self)
        let deadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.closeDeadline) {
            sent.fail(ChannelError.ioOnClosedChannel)
        }
        sent.futureResult.assumeIsolated().whenComplete { _ in
            deadline.cancel()
            self.state = .closed
            context.close(mode: .all, promise: promise)
        }
        send(context, promise: sent)
    }
}

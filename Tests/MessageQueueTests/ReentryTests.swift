import MessageQueue
import Synchronization
import Testing

private final class Leases: Sendable {
    let ids = Mutex<[QueueID]>([])
}

/// Lets every task that can go on do so.
private func settleDown(_ queue: MessageQueue) async {
    for _ in 0..<200 {
        await Task.yield()
        _ = await queue.statistics
    }
}

/// A page finds the row between its commit and the answer to whoever submitted it.
@Test(.timeLimit(.minutes(10))) func aRowThatIsFoundBeforeItsSubmitReturnsIsSentOnce() async throws {
    let setting = Setting()
    let leases = Leases()
    let (queue, store) = (setting.queue, setting.store)
    _ = try await queue.start()
    let worker = Task {
        while let lease = await queue.next("default") {
            leases.ids.withLock { $0.append(lease.message.id) }
            _ = await queue.settle(lease, [0: .delivered("250")])
        }
    }
    await settleDown(queue)
    store.committed.withLock {
        $0 = {
            let before = store.asked.withLock { $0 }
            store.changes.withLock { $0 += 1 }
            while store.asked.withLock({ $0 }) == before {
                await queue.tick()
                await Task.yield()
            }
            await settleDown(queue)
        }
    }
    let id = try await setting.submit()
    store.committed.withLock { $0 = nil }
    await queue.tick()
    await settleDown(queue)
    await queue.stop()
    await worker.value
    #expect(leases.ids.withLock { $0 } == [id])
}

/// A mail is settled while the store answers of before.
@Test(.timeLimit(.minutes(10))) func anAnswerOfBeforeSendsNothingAgain() async throws {
    let setting = Setting()
    let (queue, store) = (setting.queue, setting.store)
    _ = try await queue.start()
    _ = try await setting.submit()
    let lease = try #require(await queue.next("default"))
    store.found.withLock {
        $0 = { upstream in
            guard upstream == "default" else { return }
            store.found.withLock { $0 = nil }
            _ = await queue.settle(lease, [0: .delivered("250")])
        }
    }
    store.changes.withLock { $0 += 1 }
    await queue.tick()
    await settleDown(queue)
    #expect(store.found.withLock { $0 == nil } && store.messages.withLock { $0.isEmpty })
    #expect(await queue.statistics.ready == 0)
}

/// A mail is changed by another process while the store answers of before.
@Test(.timeLimit(.minutes(10))) func anAnswerOfBeforeBringsNothingBack() async throws {
    let setting = Setting()
    let (queue, store) = (setting.queue, setting.store)
    _ = try await queue.start()
    let id = try await setting.submit()
    await settleDown(queue)
    await queue.tick()
    store.found.withLock {
        $0 = { upstream in
            guard upstream == "default" else { return }
            // Held by a sysadmin, noticed while the page is on its way.
            store.found.withLock { $0 = nil }
            store.messages.withLock { $0[id]?.isHeld = true }
            store.changes.withLock { $0 += 1 }
            await queue.tick()
        }
    }
    store.changes.withLock { $0 += 1 }
    await queue.tick()
    await settleDown(queue)
    await queue.tick()
    await settleDown(queue)
    #expect(store.found.withLock { $0 == nil })
    #expect(await queue.statistics.ready == 0)
}

/// Each outcome that is owed is a mail that a crash would send again.
@Test(.timeLimit(.minutes(10))) func deliveryWaitsWhileOutcomesAreNotWritten() async throws {
    let setting = Setting()
    let (queue, store) = (setting.queue, setting.store)
    _ = try await queue.start()
    #expect(await queue.complaint == nil)
    store.debts.withLock { $0 = 65 }
    let id = try await setting.submit()
    let worker = Task { await queue.next("default")?.message.id }
    await queue.tick()
    await settleDown(queue)
    #expect(await queue.statistics.leased == 0)
    // A slow disk is no trouble yet.
    #expect(await queue.complaint == nil)
    setting.time.now.withLock { $0 += 1_000 }
    #expect(await queue.complaint?.contains("nothing is sent until it can") == true)
    store.debts.withLock { $0 = 64 }
    await queue.tick()
    #expect(await worker.value == id)
    #expect(await queue.complaint == nil)
}

@Test(.timeLimit(.minutes(10))) func deliveryGoesOnAsSoonAsTheStoreHasWritten() async throws {
    let setting = Setting()
    let (queue, store) = (setting.queue, setting.store)
    _ = try await queue.start()
    let id = try await setting.submit()
    store.debts.withLock { $0 = 65 }
    store.written.withLock { $0 = { store.debts.withLock { $0 = 0 } } }
    // Without a tick.
    #expect(await queue.next("default")?.message.id == id)
}

import MessageQueue
import Synchronization
import Testing

/// What is done at the desk is known to the queue at once: no tick comes between.
@Suite(.timeLimit(.minutes(10))) struct DeskTests {
    @Test func whatIsDeletedOrHeldAtTheDeskIsNotHandedOut() async throws {
        let setting = Setting()
        _ = try await setting.queue.start()
        var ids: [QueueID] = []
        for _ in 0..<4 { ids.append(try await setting.submit()) }
        #expect(await setting.queue.next("default")?.message.id == ids[0])
        #expect(try await setting.queue.delete([ids[1]]) == 1)
        #expect(try await setting.queue.hold([ids[2]], true) == 1)
        #expect(await setting.queue.next("default")?.message.id == ids[3])
        let worker = Task { await setting.queue.next("default")?.message.id }
        #expect(try await setting.queue.hold(nil, false) == 3)
        #expect(await worker.value == ids[2])
        #expect(await setting.queue.statistics.ready == 0)
    }

    @Test func whatIsTriedAgainAtTheDeskIsHandedOutAtOnce() async throws {
        let setting = Setting()
        _ = try await setting.queue.start()
        let id = try await setting.submit()
        let lease = try #require(await setting.queue.next("default"))
        _ = await setting.queue.settle(lease, [0: .deferred("451 later")])
        await setting.queue.tick()
        #expect(await setting.queue.statistics.ready == 0)
        let worker = Task { await setting.queue.next("default")?.message.id }
        #expect(try await setting.queue.retry(nil).due == 1)
        #expect(await worker.value == id)
    }

    /// Deleted between its row and the answer to whoever submitted it.
    @Test func whatIsDeletedBeforeItsSubmitReturnsIsNotHandedOut() async throws {
        let setting = Setting()
        let (queue, store) = (setting.queue, setting.store)
        _ = try await queue.start()
        await queue.tick()
        store.committed.withLock {
            $0 = {
                do {
                    let count = try await queue.delete(nil)
                    #expect(count == 1)
                } catch {
                    Issue.record(error)
                }
            }
        }
        _ = try await setting.submit()
        #expect(await queue.statistics.ready == 0)
        #expect(try await queue.census().messages == 0)
    }
}

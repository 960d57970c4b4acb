import MessageQueue
import Testing

/// What every store promises the queue, whatever it is made of.
@Suite(.timeLimit(.minutes(10))) struct StoreContractTests {
    private func message(
        _ number: Int64, upstream: String = "default", next: Int64 = 0, recipients: [String] = ["a@y.test", "b@y.test"]
    ) -> QueuedMessage {
        var new = NewMessage(
            arrival: next, upstream: upstream, reversePath: "s@x.test", recipients: recipients,
            octets: content(number).count)
        new.needsSMTPUTF8 = true
        new.decision = [1, 2, 3]
        new.note = [0, 255]
        return QueuedMessage(new, id: QueueID(rawValue: number), expires: 10_000)
    }

    private let both = ["default", "other"]

    private func content(_ number: Int64) -> [UInt8] { Array("the content of \(number)".utf8) }

    @discardableResult
    private func commit(_ messages: QueuedMessage..., to store: any QueueStore) async throws -> [QueuedMessage] {
        var stored: [QueuedMessage] = []
        for message in messages {
            try await store.commit(message, content(message.id.rawValue), telling: [])
            stored.append(message)
        }
        return stored
    }

    private func due(
        _ store: any QueueStore, _ upstream: String = "default", at now: Int64 = 0, beyond horizon: Int64 = 1 << 50,
        limit: Int = 100
    ) async throws -> [Int64] {
        try await store.due(upstream, before: now, beyond: horizon, limit: limit).map(\.id.rawValue)
    }

    /// How many outcomes are owed, once all before has had its turn.
    private func owed(_ store: any QueueStore) async throws -> Int {
        _ = try await store.census()
        return store.unwritten
    }

    // MARK: Mail

    @Test(arguments: StoreKind.all) func whatIsCommittedIsThereAndWhole(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        let wanted = message(1)
        try await commit(wanted, to: bench.store)
        for _ in 0..<2 {
            let found = try #require(
                try await bench.store.due("default", before: 0, beyond: 1 << 50, limit: 9).first)
            #expect(found.id == wanted.id && found.recipients == wanted.recipients && found.expires == wanted.expires)
            #expect(found.arrival == wanted.arrival && found.reversePath == wanted.reversePath && found.attempts == 0)
            #expect(found.decision == [1, 2, 3] && found.note == [0, 255] && found.needsSMTPUTF8)
            #expect(try await bench.store.content(of: found.id) == content(1))
            let recovery = try await bench.reopen()
            #expect(recovery.messages == 1 && recovery.youngest == wanted.id)
        }
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func whatIsRefusedLeavesNothing(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        try bench.setTaking(false)
        await #expect(throws: QueueError.self) { try await commit(message(1), to: bench.store) }
        try bench.setTaking(true)
        #expect(try await due(bench.store).isEmpty)
        try await commit(message(2), to: bench.store)
        #expect(try await bench.reopen().messages == 1)
        #expect(try await due(bench.store) == [2])
        await bench.store.close()
        await #expect(throws: QueueError.self) { try await commit(message(3), to: bench.store) }
    }

    @Test(arguments: StoreKind.all) func aLargeContentArrivesInPieces(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        let spill = try bench.store.makeSpill()
        for piece in [[1, 2], [], [3]] as [[UInt8]] { try await spill.append(piece) }
        #expect(spill.count == 3 && spill.head == [1, 2, 3])
        let stored = message(1)
        try await spill.commit(stored, telling: [])
        // It is the queue's now.
        spill.discard()
        #expect(try await bench.store.content(of: stored.id) == [1, 2, 3])
        let dropped = try bench.store.makeSpill()
        try await dropped.append([9])
        dropped.discard()
        #expect(try await bench.reopen().messages == 1)
        #expect(try await bench.store.content(of: stored.id) == [1, 2, 3])
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func aContentThatIsAnotherIsNotHandedOut(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        let stored = try await commit(message(1), message(2), to: bench.store)
        try bench.spoil(stored[0].id, content(1))
        await #expect(throws: QueueError.damaged(stored[0].id)) { try await bench.store.content(of: stored[0].id) }
        #expect(try await bench.store.content(of: stored[1].id) == content(2))
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func aContentThatIsGoneIsNoDamage(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        let id = QueueID(rawValue: 7)
        let error = await #expect(throws: QueueError.self) { try await bench.store.content(of: id) }
        #expect(error != .damaged(id))
        await bench.store.close()
    }

    // MARK: What is due

    @Test(arguments: StoreKind.all) func theLongestDueComeFirst(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        try await commit(
            message(1, next: 30), message(2, next: 10), message(3, next: 20), message(4, next: 31),
            message(5, upstream: "other", next: 1), message(6, next: 20), message(7, next: 5_000), to: bench.store)
        #expect(try await due(bench.store, at: 30) == [2, 3, 6, 1])
        #expect(try await due(bench.store, at: 30, limit: 2) == [2, 3])
        // Beyond the horizon: written under another clock.
        #expect(try await due(bench.store, at: 30, beyond: 4_999) == [2, 3, 6, 1, 7])
        #expect(try await due(bench.store, at: 30, beyond: 5_000) == [2, 3, 6, 1])
        #expect(try await due(bench.store, "other", at: 30) == [5])
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func whatIsHeldFailedOrDamagedIsNotOffered(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        var stored = try await commit(
            message(1), message(2), message(3), message(4, next: 1), to: bench.store)
        try bench.holdElsewhere(stored[0].id, true)
        stored[1].recipients[0].state = .delivered
        stored[1].recipients[1].state = .failed
        bench.store.update(stored[1], telling: [])
        stored[2].isDamaged = true
        bench.store.update(stored[2], telling: [])
        #expect(try await due(bench.store, at: 1) == [4])
        let recovery = try await bench.reopen()
        #expect(recovery.messages == 4 && recovery.failed == 1 && recovery.damaged == 1)
        #expect(try await due(bench.store, at: 1) == [4])
        try bench.holdElsewhere(stored[0].id, false)
        #expect(try await due(bench.store, at: 1) == [1, 4])
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func theNextTimeIsOfWhatWillBeOffered(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        #expect(try await bench.store.nextDue(both, after: 0) == nil)
        var stored = try await commit(
            message(1, next: 10), message(2, next: 20), message(3, next: 30), message(4, upstream: "other", next: 40),
            to: bench.store)
        #expect(try await bench.store.nextDue(both, after: 0) == 10)
        #expect(try await bench.store.nextDue(both, after: 10) == 20)
        try bench.holdElsewhere(stored[1].id, true)
        stored[2].isDamaged = true
        bench.store.update(stored[2], telling: [])
        #expect(try await bench.store.nextDue(both, after: 10) == 40)
        #expect(try await bench.store.nextDue(both, after: 40) == nil)
        #expect(try await bench.store.nextDue(["default"], after: 10) == nil)
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func mailOfAnUpstreamThatIsNoMoreGoesToTheDefault(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        try await commit(message(1, upstream: "gone"), message(2, upstream: "other"), message(3), to: bench.store)
        try await bench.store.reassign(unless: ["default", "other"], to: "default")
        #expect(try await due(bench.store) == [1, 3])
        _ = try await bench.reopen()
        #expect(try await due(bench.store) == [1, 3])
        #expect(try await due(bench.store, "other") == [2])
        await bench.store.close()
    }

    // MARK: Outcomes

    @Test(arguments: StoreKind.all) func outcomesAreThereAfterwards(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        var stored = try await commit(message(1), message(2), to: bench.store)
        stored[0].attempts = 3
        stored[0].nextAttempt = 500
        stored[0].expires = 900
        stored[0].recipients[1].state = .delivered
        stored[0].recipients[0].lastReply = "451 later"
        bench.store.update(stored[0], telling: [])
        bench.store.remove(stored[1].id, telling: [])
        #expect(try await bench.reopen().messages == 1)
        #expect(try await due(bench.store, at: 499).isEmpty)
        let found = try #require(try await bench.store.due("default", before: 500, beyond: 1 << 50, limit: 9).first)
        #expect(found.attempts == 3 && found.expires == 900 && found.recipients == stored[0].recipients)
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func anUpdateBringsNothingBack(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        let stored = try await commit(message(1), message(2), message(3), to: bench.store)
        bench.store.remove(stored[0].id, telling: [])
        bench.store.update(stored[0], telling: [])
        try bench.deleteElsewhere(stored[1].id)
        bench.store.update(stored[1], telling: [])
        #expect(try await due(bench.store) == [3])
        #expect(try await bench.reopen().messages == 1)
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func anUpdateLetsNobodyGo(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        let stored = try await commit(message(1), to: bench.store)
        try bench.holdElsewhere(stored[0].id, true)
        bench.store.update(stored[0], telling: [])
        #expect(try await due(bench.store).isEmpty)
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func whatIsOwedIsNotOfferedAndWrittenOnceItCanBe(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        var stored = try await commit(message(1), message(2), message(3), to: bench.store)
        #expect(bench.store.unwritten == 0)
        try bench.setWritable(false)
        bench.store.remove(stored[0].id, telling: [])
        stored[1].recipients[0].state = .delivered
        bench.store.update(stored[1], telling: [])
        #expect(try await due(bench.store) == [3])
        #expect(try await owed(bench.store) == 2)
        // It takes no mail hostage.
        try await commit(message(4), to: bench.store)
        try bench.setWritable(true)
        // Its turn comes before the answer.
        #expect(try await due(bench.store) == [2, 3, 4])
        #expect(try await owed(bench.store) == 0)
        let found = try #require(try await bench.store.due("default", before: 0, beyond: 1 << 50, limit: 1).first)
        #expect(found.recipients[0].state == .delivered)
        #expect(try await bench.reopen().messages == 3)
        await bench.store.close()
    }

    // MARK: Others

    @Test(arguments: StoreKind.all) func whatOthersChangeIsNoticed(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        _ = try await bench.store.wasChangedByOthers()
        let stored = try await commit(message(1), message(2), message(3), to: bench.store)
        bench.store.remove(stored[0].id, telling: [])
        _ = try await bench.store.hold([stored[1].id], false)
        #expect(try await !bench.store.wasChangedByOthers())
        try bench.deleteElsewhere(stored[1].id)
        #expect(try await bench.store.wasChangedByOthers())
        #expect(try await !bench.store.wasChangedByOthers())
        try bench.holdElsewhere(stored[2].id, true)
        #expect(try await bench.store.wasChangedByOthers())
        await bench.store.close()
    }

    // MARK: The desk

    @Test(arguments: StoreKind.all) func theDeskSeesAllByAge(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        #expect(try await bench.store.census() == QueueCensus())
        var stored = try await commit(
            message(3, next: 30), message(1, next: 10), message(2, upstream: "other", next: 20), message(4, next: 40),
            to: bench.store)
        stored[1].recipients[0].state = .failed
        stored[1].recipients[1].state = .delivered
        bench.store.update(stored[1], telling: [])
        stored[2].isDamaged = true
        bench.store.update(stored[2], telling: [])
        let ids = try await bench.store.list(after: nil, limit: 3).map(\.id.rawValue)
        #expect(ids == [1, 2, 3])
        #expect(try await bench.store.list(after: QueueID(rawValue: 2), limit: 9).map(\.id.rawValue) == [3, 4])
        #expect(try await bench.store.list(after: nil, limit: -1).isEmpty)
        var census = QueueCensus()
        (census.messages, census.failed, census.damaged, census.oldest) = (4, 1, 1, 30)
        #expect(try await bench.store.census() == census)
        #expect(try await bench.store.message(stored[1].id)?.isFailed == true)
        #expect(try await bench.store.message(stored[0].id)?.octets == content(3).count)
        #expect(try await bench.store.message(QueueID(rawValue: 9)) == nil)
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func theDeskHoldsReleasesAndDeletes(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        let stored = try await commit(message(1), message(2), message(3), to: bench.store)
        let none = QueueID(rawValue: 9)
        #expect(try await bench.store.hold([stored[0].id, none], true) == 1)
        #expect(try await due(bench.store) == [2, 3])
        #expect(try await bench.store.delete([stored[1].id, none]) == 1)
        #expect(try await bench.store.delete([stored[1].id]) == 0)
        #expect(try await due(bench.store) == [3])
        #expect(try await bench.store.hold(nil, true) == 2)
        #expect(try await due(bench.store).isEmpty)
        #expect(try await bench.store.hold([stored[0].id], false) == 1)
        #expect(try await due(bench.store) == [1])
        #expect(try await bench.reopen().messages == 2)
        #expect(try await due(bench.store) == [1])
        #expect(try await bench.store.delete(nil) == 2)
        #expect(try await bench.reopen() == QueueRecovery())
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func theDeskLetsMailGoAgain(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        var stored = try await commit(
            message(1, next: 900), message(2, next: 900), message(3), message(4, next: 900), to: bench.store)
        stored[1].recipients[0].state = .delivered
        stored[1].recipients[1].state = .failed
        stored[1].attempts = 7
        bench.store.update(stored[1], telling: [])
        try bench.spoil(stored[2].id, content(3))
        stored[2].isDamaged = true
        bench.store.update(stored[2], telling: [])
        _ = try await bench.store.hold([stored[3].id], true)
        let one = try await bench.store.retry([stored[1].id, stored[2].id], now: 50, lifetime: 600)
        #expect(one.due == 1 && one.damaged.map(\.id) == [stored[2].id])
        let revived = try #require(try await bench.store.due("default", before: 0, beyond: 1 << 50, limit: 9).first)
        #expect(revived.id == stored[1].id && revived.attempts == 0 && revived.expires == 650)
        #expect(revived.recipients.map(\.state) == [.delivered, .waiting])
        let all = try await bench.store.retry(nil, now: 50, lifetime: 600)
        #expect(all.due == 3 && all.damaged.map(\.id) == [stored[2].id])
        #expect(try await due(bench.store) == [1, 2, 4])
        await bench.store.close()
    }
}

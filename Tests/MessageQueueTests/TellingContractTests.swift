import MessageQueue
import Synchronization
import Testing

/// Whoever is told, with room for so many.
private final class Told: Sendable {
    let room = Mutex(Int.max)
    let notices = Mutex<[QueueNotice]>([])

    var records: [[UInt8]] { notices.withLock { $0.map(\.record) } }
    var isInOrder: Bool { notices.withLock { all in zip(all, all.dropFirst()).allSatisfy { $0.number < $1.number } } }

    func listen(_ new: [QueueNotice]) -> Int {
        room.withLock { room in
            let taken = new.prefix(room)
            room -= taken.count
            notices.withLock { $0 += taken }
            return taken.count
        }
    }
}

/// What every store promises of what it tells: in one commit with the mail, in order, once it is durable, until it is
/// acknowledged.
@Suite(.timeLimit(.minutes(10))) struct TellingContractTests {
    private func message(_ number: Int64) -> QueuedMessage {
        let new = NewMessage(arrival: 0, upstream: "default", reversePath: "", recipients: ["a@y.test"], octets: 1)
        return QueuedMessage(new, id: QueueID(rawValue: number), expires: 10_000)
    }

    private func commit(_ number: Int64, to store: any QueueStore, telling records: [[UInt8]]) async throws {
        try await store.commit(message(number), [7], telling: records)
    }

    private func listen(_ store: any QueueStore) async throws -> Told {
        let told = Told()
        try await store.tell { told.listen($0) }
        return told
    }

    @Test(arguments: StoreKind.all) func whatIsDurableIsToldInOrder(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        let told = try await listen(bench.store)
        try await commit(1, to: bench.store, telling: [[1], [2, 2]])
        let spill = try bench.store.makeSpill()
        try await spill.append([9])
        try await spill.commit(message(2), telling: [[3]])
        bench.store.update(message(1), telling: [[4], []])
        bench.store.update(message(1), telling: [[5]])
        bench.store.remove(message(1).id, telling: [[6]])
        // Its row is gone; what became of it is told all the same.
        bench.store.update(message(1), telling: [[7]])
        _ = try await bench.store.census()
        #expect(told.records == [[1], [2, 2], [3], [4], [], [5], [6], [7]])
        #expect(told.isInOrder)
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func ofMailThatIsRefusedNothingIsTold(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        let told = try await listen(bench.store)
        try bench.setTaking(false)
        await #expect(throws: QueueError.self) { try await commit(1, to: bench.store, telling: [[1]]) }
        try bench.setTaking(true)
        try await commit(2, to: bench.store, telling: [[2]])
        _ = try await bench.store.census()
        #expect(told.records == [[2]])
        _ = try await bench.reopen()
        #expect(try await listen(bench.store).records == [[2]])
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func whatIsOwedIsToldOnceItIsWritten(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        let told = try await listen(bench.store)
        try await commit(1, to: bench.store, telling: [])
        try await commit(2, to: bench.store, telling: [])
        try bench.setWritable(false)
        bench.store.update(message(1), telling: [[1]])
        bench.store.remove(message(1).id, telling: [[2]])
        bench.store.remove(message(9).id, telling: [[3]])
        _ = try await bench.store.census()
        #expect(!told.records.contains([1]) && !told.records.contains([2]))
        try bench.setWritable(true)
        _ = try await bench.store.census()
        #expect(Set(told.records) == [[1], [2], [3]] && told.records.count == 3 && told.isInOrder)
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func whatNobodyAcknowledgedIsToldAgain(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        // Nobody listens yet: what an earlier run left comes first.
        for number in 1...3 { try await commit(Int64(number), to: bench.store, telling: [[UInt8(number)]]) }
        let told = try await listen(bench.store)
        try await commit(4, to: bench.store, telling: [[4]])
        _ = try await bench.store.census()
        #expect(told.records == [[1], [2], [3], [4]])
        bench.store.told(upTo: told.notices.withLock { $0[1].number })
        _ = try await bench.reopen()
        let again = try await listen(bench.store)
        #expect(again.records == [[3], [4]] && again.isInOrder)
        bench.store.told(upTo: again.notices.withLock { $0[1].number })
        _ = try await bench.reopen()
        #expect(try await listen(bench.store).records.isEmpty)
        await bench.store.close()
    }

    @Test(arguments: StoreKind.all) func whatIsNotTakenIsToldLater(_ kind: StoreKind) async throws {
        let bench = try await kind.open()
        let told = try await listen(bench.store)
        told.room.withLock { $0 = 1 }
        try await commit(1, to: bench.store, telling: [[1], [2], [3]])
        for number in 4...250 { try await commit(Int64(number), to: bench.store, telling: [[UInt8(number)]]) }
        _ = try await bench.store.census()
        #expect(told.records == [[1]])
        // Nothing is forgotten that nobody took.
        bench.store.told(upTo: .max)
        told.room.withLock { $0 = .max }
        _ = try await bench.store.census()
        #expect(told.records == (1...250).map { [UInt8($0)] } && told.isInOrder)
        await bench.store.close()
    }
}

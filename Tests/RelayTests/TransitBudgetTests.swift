import Testing

@testable import Relay

@Test(.timeLimit(.minutes(10))) func smallMailsPassWhateverLargeOnesHold() async {
    let budget = TransitBudget(32 << 20)
    let large = await budget.take(36 << 20)
    let waiting = Task { await budget.take(9 << 20) }
    // Would wait for ever were the large ones in the way.
    for _ in 0..<1_000 { await budget.giveBack(await budget.take(2 << 20)) }
    #expect(!waiting.isCancelled)
    await budget.giveBack(large)
    await budget.giveBack(await waiting.value)
}

@Test(.timeLimit(.minutes(10))) func nobodyTakesWhatIsNotThere() async {
    let budget = TransitBudget(16 << 20)
    let first = await budget.take(12 << 20)
    let order = AsyncStream.makeStream(of: Int.self)
    let second = Task {
        let hold = await budget.take(2 << 20)
        order.continuation.yield(2)
        await budget.giveBack(hold)
    }
    order.continuation.yield(1)
    await budget.giveBack(first)
    await second.value
    order.continuation.finish()
    #expect(await order.stream.reduce(into: []) { $0.append($1) } == [1, 2])
}

@Test(.timeLimit(.minutes(10))) func nobodyWaitsForWhatDoesNotRun() async {
    let state = RunState()
    await state.waitForEnd()
    state.begin()
    let waiting = Task { await state.waitForEnd() }
    state.end()
    await waiting.value
    await state.waitForEnd()
}

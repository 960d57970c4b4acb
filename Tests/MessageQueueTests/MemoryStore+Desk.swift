import MessageQueue
import Synchronization

extension MemoryStore {
    func list(after id: QueueID?, limit: Int) async throws -> [QueuedMessage] {
        messages.withLock { all in
            Array(
                all.values.filter { $0.id > id ?? QueueID(rawValue: .min) }.sorted { $0.id < $1.id }.prefix(
                    max(0, limit)))
        }
    }

    func census() async throws -> QueueCensus {
        tellTheRest()
        return messages.withLock { all in
            var census = QueueCensus()
            census.messages = all.count
            census.failed = all.values.count { $0.isFailed }
            census.damaged = all.values.count { $0.isDamaged }
            census.oldest = all.values.filter { !$0.isFailed && !$0.isDamaged }.min { $0.id < $1.id }?.arrival
            return census
        }
    }

    func message(_ id: QueueID) async throws -> QueuedMessage? { messages.withLock { $0[id] } }

    func retry(_ ids: [QueueID]?, now: Int64, lifetime: Int64) async throws -> QueueRetry {
        let spoiled = spoiled
        return messages.withLock { all in
            var result = QueueRetry()
            for id in ids ?? Array(all.keys) {
                guard var message = all[id] else { continue }
                guard !spoiled.contains(id) else {
                    result.damaged.append((id, "it is not what was written"))
                    continue
                }
                message.isDamaged = false
                message.isHeld = false
                if message.isFailed { message.revive(expires: now + lifetime) }
                message.nextAttempt = 0
                all[id] = message
                result.due += 1
            }
            return result
        }
    }

    func hold(_ ids: [QueueID]?, _ isHeld: Bool) async throws -> Int { change(ids) { $0?.isHeld = isHeld } }

    func delete(_ ids: [QueueID]?) async throws -> Int { change(ids) { $0 = nil } }

    private func change(_ ids: [QueueID]?, _ body: (inout QueuedMessage?) -> Void) -> Int {
        messages.withLock { all in
            let known = (ids ?? Array(all.keys)).filter { all[$0] != nil }
            for id in known { body(&all[id]) }
            return known.count
        }
    }
}

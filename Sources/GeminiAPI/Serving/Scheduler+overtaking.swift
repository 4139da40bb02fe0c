import Castor

/// Short contents beside a long one: a text of 8,192 tokens takes a second, and who sent a few words must not wait for it, nor for those behind it.
extension Scheduler {
    /// Without the thread, where the machine has none or too little room, short contents wait for their turn.
    func startOvertaking() {
        guard options.maxOvertakingTokens > 0, let beside = embedder.beside() else { return }
        _ = startThread { self.overtakeLoop(beside) }
    }

    /// Whether something is being computed that short contents may overtake.
    package var isComputingLong: Bool { monitor.withLock { mayOvertake } }

    /// Only with the lock: whether something is being computed that is longer than a batch, and much longer than what may overtake.
    var mayOvertake: Bool { computingTokens > max(options.maxBatchTokens, 4 * options.maxOvertakingTokens) }

    private func overtakeLoop(_ beside: Embedder) {
        while let batch = monitor.withLock({ nextThatOvertakes() }) { compute(batch, beside) {} }
    }

    private func nextThatOvertakes() -> [ReadyItem]? {
        while !isStopped {
            if mayOvertake {
                let batch = taken(
                    ready[Priority.interactive.rawValue].takeShort(maxTokens: options.maxOvertakingTokens))
                if !batch.isEmpty { return batch }
            }
            monitor.wait(toOvertake)
        }
        return nil
    }
}

package import Castor
import DequeModule

/// Calls whose contents wait to be prepared. They take turns, a content each.
struct WorkQueue {
    private var works = Deque<ScheduledWork>()

    var isEmpty: Bool { works.isEmpty }

    mutating func append(_ work: ScheduledWork) {
        works.append(work)
    }

    /// The next content of the call whose turn it is; calls that nobody waits for are passed over.
    ///
    /// - Parameter isWanted: whether a call, by its ``ScheduledWork/isSlow``, is meant; others keep their turn
    mutating func next(where isWanted: (_ isSlow: Bool) -> Bool) -> (ScheduledWork, Int)? {
        var others: [ScheduledWork] = []
        defer { works.insert(contentsOf: others, at: 0) }
        while let work = works.popFirst() {
            guard !work.isFinished, work.nextIndex < work.items.count else { continue }
            guard isWanted(work.isSlow) else {
                others.append(work)
                continue
            }
            defer { work.nextIndex += 1 }
            if work.nextIndex + 1 < work.items.count { works.append(work) }
            return (work, work.nextIndex)
        }
        return nil
    }
}

/// When a content was taken last, of those that may take long and of the others: what waits and does not move is seen by it.
struct LastTurns {
    private var slow = Nanoseconds.now
    private var quick = Nanoseconds.now

    subscript(isSlow isSlow: Bool) -> UInt64 {
        get { isSlow ? slow : quick }
        set { if isSlow { slow = newValue } else { quick = newValue } }
    }
}

/// Interactive work goes first, but for one turn in sixteen: constant load must not hold up batch jobs until they expire.
package struct PriorityTurns: Sendable {
    private static let interval = 16

    /// In a row.
    private var interactiveTurns = 0

    package init() {}

    /// Who is asked first for work.
    package var order: [Priority] {
        interactiveTurns < Self.interval - 1 ? [.interactive, .background] : [.background, .interactive]
    }

    package mutating func took(_ priority: Priority) {
        interactiveTurns = priority == .interactive ? interactiveTurns + 1 : 0
    }
}

struct ReadyItem {
    let work: ScheduledWork
    let index: Int
    let content: PreparedContent
}

/// What contents that wait for the model hold.
package struct ReadyLoad: Sendable {
    package private(set) var tokenCount = 0
    package private(set) var byteCount = 0

    /// No more wait than some batches take.
    private static let maxTokens = 16_384
    /// A token of a picture holds 3 kB, one of a page 50 kB.
    private static let maxBytes = 64 << 20

    package init() {}

    package var isFull: Bool { tokenCount >= Self.maxTokens || byteCount >= Self.maxBytes }

    package mutating func add(_ content: PreparedContent) {
        tokenCount += content.tokenCount
        byteCount += content.byteCount
    }

    package mutating func remove(_ content: PreparedContent) {
        tokenCount -= content.tokenCount
        byteCount -= content.byteCount
    }
}

/// Contents that wait for the model.
struct ReadyQueue {
    private var items = Deque<ReadyItem>()
    private var load = ReadyLoad()

    var tokenCount: Int { load.tokenCount }
    var isEmpty: Bool { items.isEmpty }
    var isFull: Bool { load.isFull }

    mutating func append(_ item: ReadyItem) {
        load.add(item.content)
        items.append(item)
    }

    /// In order, as many as fit, at least one; those that nobody waits for are passed over.
    mutating func take(maxTokens: Int) -> [ReadyItem] {
        var batch: [ReadyItem] = []
        var room = maxTokens
        while let first = items.first {
            let cost = first.content.tokenCount
            if first.work.isFinished {
                load.remove(first.content)
                _ = items.popFirst()
                continue
            }
            guard batch.isEmpty || cost <= room else { break }
            room -= cost
            load.remove(first.content)
            batch.append(first)
            _ = items.popFirst()
        }
        return batch
    }

    /// Short ones, in order, as many as fit, from behind longer ones; maybe none.
    mutating func takeShort(maxTokens: Int) -> [ReadyItem] {
        var batch: [ReadyItem] = []
        var rest = Deque<ReadyItem>()
        var room = maxTokens
        for item in items {
            let cost = item.content.tokenCount
            if cost <= room, !item.work.isFinished {
                room -= cost
                load.remove(item.content)
                batch.append(item)
            } else {
                rest.append(item)
            }
        }
        if !batch.isEmpty { items = rest }
        return batch
    }
}

extension [ReadyItem] {
    var tokenCount: Int { reduce(0) { $0 + $1.content.tokenCount } }
}

package import Castor
import Media

/// Who goes first.
package enum Priority: Int, Sendable, CaseIterable {
    /// Somebody waits for the answer.
    case interactive
    /// Batch jobs: computed while nothing interactive is ready, and in one turn of sixteen otherwise.
    case background
}

/// One content to embed.
package struct EmbedItem: Sendable {
    package var content: Content
    package var options: EmbedOptions

    package init(content: Content, options: EmbedOptions = EmbedOptions()) {
        self.content = content
        self.options = options
    }

    /// Whether decoding it may take many seconds: documents, clips and very large pictures.
    package var mayBeSlow: Bool { content.parts.contains(where: \.isSlow) }
}

extension Part {
    /// Pixels that are decoded in less than a second, in whatever format.
    private static let quickPixels = 20_000_000
    /// The same where a header does not tell pixels, in bytes.
    private static let quickBytes = 4 << 20

    /// Whether it may take many seconds to decode. A type that is told is that of the bytes, or the part is refused.
    fileprivate var isSlow: Bool {
        let type: MediaType?
        switch self {
        case .text: return false
        case .clip: return true
        case .data(let bytes, let mimeType):
            type = mimeType.map(MediaType.init(mimeType:)) ?? bytes.withUnsafeBytes { MediaType.sniff($0.bytes) }
        case .file(_, let mimeType): type = mimeType.flatMap(MediaType.init(mimeType:))
        }
        switch type {
        case .document, .video: return true
        case .image(let format):
            guard case .data(let bytes, _) = self else { return false }
            let pixels = bytes.withUnsafeBytes { format.claimedPixels($0.bytes) }
            return pixels.map { $0 > Self.quickPixels } ?? (bytes.count > Self.quickBytes)
        case .audio, nil: return false
        }
    }
}

/// What a call of the scheduler gives.
package struct ScheduledResult: Sendable {
    /// One an item, in order.
    package var embeddings: [Result<Embedding, EmbedError>]
    package var timing: Timing

    /// Where the time of a call went, in milliseconds.
    package struct Timing: Sendable, Equatable {
        /// Waiting for a thread that prepares, and for the model.
        package var queue = 0.0
        /// Decoding and tokenising.
        package var decode = 0.0
        package var compute = 0.0
    }
}

/// The items of one call on their way. Everything here is guarded by the scheduler's monitor, but for `items` and `priority`.
final class ScheduledWork: @unchecked Sendable {
    let priority: Priority
    /// Whether an item ``EmbedItem/mayBeSlow``.
    let isSlow: Bool
    /// Set when the caller no longer wants an answer.
    let cancellation = Cancellation()
    private(set) var items: [EmbedItem]
    private(set) var results: [Result<Embedding, EmbedError>?]
    private(set) var remaining: Int
    private let monitor: Monitor
    private var continuation: CheckedContinuation<ScheduledResult, any Error>?
    /// Whether the caller has its answer, or no longer wants one.
    private(set) var isFinished = false
    /// Next item to prepare.
    var nextIndex = 0

    let enqueued = Nanoseconds.now
    var firstPreparationStart: UInt64?
    var firstReady: UInt64?
    var lastReady: UInt64?
    var firstComputeStart: UInt64?

    init(_ items: [EmbedItem], _ priority: Priority, _ monitor: Monitor) {
        self.monitor = monitor
        self.items = items
        self.priority = priority
        isSlow = items.contains(where: \.mayBeSlow)
        results = Array(repeating: nil, count: items.count)
        remaining = items.count
    }

    func setContinuation(_ continuation: CheckedContinuation<ScheduledResult, any Error>) {
        self.continuation = continuation
    }

    /// Returns whether this was the last one.
    func deliver(_ result: Result<Embedding, EmbedError>, at index: Int) -> Bool {
        guard !isFinished, results[index] == nil else { return false }
        results[index] = result
        remaining -= 1
        guard remaining == 0 else { return false }
        finish(.success(ScheduledResult(embeddings: results.map { $0! }, timing: timing)))
        return true
    }

    /// Returns the number of items that nobody waits for any more.
    func fail(_ error: any Error) -> Int {
        guard !isFinished else { return 0 }
        cancellation.cancel()
        finish(.failure(error))
        return remaining
    }

    private func finish(_ result: Result<ScheduledResult, any Error>) {
        isFinished = true
        items = []
        results = []
        guard let waiting = continuation else { return }
        monitor.afterUnlocking { waiting.resume(with: result) }
        continuation = nil
    }

    private var timing: ScheduledResult.Timing {
        let now = Nanoseconds.now
        func milliseconds(_ from: UInt64?, _ to: UInt64?) -> Double {
            guard let from, let to, to > from else { return 0 }
            return Double(to - from) / 1e6
        }
        return .init(
            queue: milliseconds(enqueued, firstPreparationStart) + milliseconds(firstReady, firstComputeStart),
            decode: milliseconds(firstPreparationStart, lastReady), compute: milliseconds(firstComputeStart, now))
    }
}

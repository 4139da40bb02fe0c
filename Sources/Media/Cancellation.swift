import Synchronization

/// Tells decoders that nobody waits for their result any more. Set once, from any thread; the work stops within about a second.
package final class Cancellation: @unchecked Sendable {
    /// In memory of its own, because C looks at it too.
    private let isSet: UnsafeMutablePointer<Atomic<Int32>>

    package init() {
        isSet = .allocate(capacity: 1)
        isSet.initialize(to: Atomic(0))
    }

    deinit {
        isSet.deinitialize(count: 1)
        isSet.deallocate()
    }

    package var isCancelled: Bool { isSet.pointee.load(ordering: .relaxed) != 0 }

    package func cancel() { isSet.pointee.store(1, ordering: .relaxed) }

    /// Not zero as soon as it is set; valid as long as this object is.
    var flag: UnsafePointer<Int32> { UnsafeRawPointer(isSet).assumingMemoryBound(to: Int32.self) }
}

extension Cancellation: Equatable {
    package static func == (left: Cancellation, right: Cancellation) -> Bool { left === right }
}

extension MediaLimits {
    /// Throws `cancelled`.
    func checkCancelled() throws(MediaError) {
        if let cancellation, cancellation.isCancelled { throw .cancelled }
    }

    /// Decodes. What was stopped may look like a damaged file, or like a shorter one.
    func watching<Result: ~Copyable>(_ decode: () throws(MediaError) -> Result) throws(MediaError) -> Result {
        try checkCancelled()
        do throws(MediaError) {
            let result = try decode()
            try checkCancelled()
            return result
        } catch {
            try checkCancelled()
            throw error
        }
    }
}

import Dispatch

/// Disk work off the cooperative threads, which must not wait for a disk.
package enum Blocking {
    private static let queue = DispatchQueue(label: "castor.state", attributes: .concurrent)

    package static func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try work() }) }
        }
    }
}

import Castor
import NIOCore
import ServerState

/// Computes the requests of batch jobs: one embedding call each, some of a chunk at the same time, behind whatever is interactive.
struct BatchWork: Sendable {
    let server: ServerCore

    /// Requests whose contents are in memory: enough short texts to fill the model's batches of background work twice.
    static let requestsAtOnce = 32

    /// One result for every request; what is wrong with one request is its own result.
    func results(_ chunk: BatchChunk) async throws -> [BatchResult] {
        guard let model = server.models[chunk.batch.model] else {
            // The server was started with another model since.
            let error = APIError.modelNotFound(chunk.batch.model, version: "v1beta", method: "asyncBatchEmbedContent")
            return chunk.requests.map { _ in Self.failure(error, labels: nil) }
        }
        return try await withThrowingTaskGroup(of: (Int, BatchResult).self) { group in
            var results = [BatchResult?](repeating: nil, count: chunk.requests.count)
            for (index, request) in chunk.requests.enumerated() {
                if index >= Self.requestsAtOnce, let (done, result) = try await group.next() { results[done] = result }
                group.addTask { (index, try await result(request, model, in: chunk.batch)) }
            }
            for try await (index, result) in group { results[index] = result }
            return results.map { $0! }
        }
    }

    private func result(
        _ request: BatchChunk.Request, _ model: ServedModels.Entry, in batch: StoredBatch
    ) async throws -> BatchResult {
        switch request {
        case .tooLong(let bytes, let limit):
            return Self.failure(.invalid("The line has \(bytes) bytes, the limit is \(limit)."), labels: nil)
        case .deadly(let text):
            let error = APIError(
                .internal,
                "The request was given up: the server ended each time it computed it, and two times it was alone.")
            return Self.failure(error, labels: BatchRequest.labels(ofDamaged: text))
        case .json(let text):
            var (isRead, isComputed) = (false, false)
            do {
                let line = try await server.offPool(large: text.count > 1 << 16) { [server] in
                    try WireDecoder.decode(BatchRequest.self, from: ByteBuffer(bytes: text), server.options)
                }
                isRead = true
                if let name = line.request.model, !name.isEmpty, ServedModels.id(name) != model.id {
                    throw APIError.invalid(
                        "* EmbedContentRequest.model: must be models/\(model.id), not \(name.shortened)\n")
                }
                let answer = try await run(line.request, model, isComputed: &isComputed)
                return Self.success(answer, line, in: batch)
            } catch let error as APIError {
                // The server's trouble, not the request's: the chunk is computed again. What the model makes of one content is the same
                // every time, and the others' results do not go with it.
                if error == .draining || error.status == .cancelled || error.status == .internal && !isComputed {
                    throw error
                }
                var error = error
                if !isRead { error.message += BatchRequest.hint(ofDamaged: text) }
                return Self.failure(error, labels: BatchRequest.labels(ofDamaged: text))
            }
        }
    }

    /// A full queue is waited for, and so is memory for files.
    private func run(
        _ request: EmbedRequest, _ model: ServedModels.Entry, isComputed: inout Bool
    ) async throws -> EmbedCall.Answer {
        while true {
            let lease = BodyLease(server.bodies)
            defer { lease.release() }
            do {
                var call = EmbedCall(model: model) { _ in nil }
                try await call.add(request, server, files: FileParts(server, lease))
                isComputed = true
                return try await call.run(server, priority: .background)
            } catch let error as APIError where error.status == .resourceExhausted {
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    // MARK: - Lines

    private static func success(_ answer: EmbedCall.Answer, _ line: BatchRequest, in batch: StoredBatch) -> BatchResult
    {
        var json = JSONWriter()
        json.raw("{")
        json.key(line.key)
        json.raw("\"response\":{\"embedding\":{\"values\":")
        json.values(answer.values(0))
        json.raw("},\"usageMetadata\":{\"promptTokenCount\":\(answer.usage.promptTokenCount)}}")
        json.metadata(line.metadata)
        json.raw("}")
        return BatchResult(line: json.bytes, isFailure: false)
    }

    private static func failure(_ error: APIError, labels: (key: String?, metadata: [UInt8]?)?) -> BatchResult {
        var json = JSONWriter()
        json.raw("{")
        json.key(labels?.key)
        json.raw("\"error\":{\"code\":\(error.status.rpcCode),\"message\":")
        json.string(error.message)
        json.raw("}")
        json.metadata(labels?.metadata)
        json.raw("}")
        return BatchResult(line: json.bytes, isFailure: true)
    }
}

extension JSONWriter {
    fileprivate mutating func key(_ key: String?) {
        guard let key else { return }
        raw("\"key\":")
        string(key)
        raw(",")
    }

    fileprivate mutating func metadata(_ json: [UInt8]?) {
        guard let json else { return }
        raw(",\"metadata\":")
        raw(String(decoding: json, as: UTF8.self))
    }
}

extension APIError.Status {
    /// The number of the `google.rpc.Code`.
    fileprivate var rpcCode: Int {
        switch self {
        case .cancelled: 1
        case .invalidArgument: 3
        case .deadlineExceeded: 4
        case .notFound: 5
        case .alreadyExists: 6
        case .permissionDenied: 7
        case .resourceExhausted: 8
        case .failedPrecondition: 9
        case .aborted: 10
        case .unimplemented, .methodNotAllowed: 12
        case .internal: 13
        case .unavailable: 14
        case .unauthenticated: 16
        }
    }
}

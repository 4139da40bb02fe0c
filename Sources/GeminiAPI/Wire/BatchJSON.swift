import Castor
import HTTPTypes
import Hummingbird
import NIOCore
import ServerState
import Store

extension JSONWriter {
    private static let type = "type.googleapis.com/google.ai.generativelanguage.v1main.EmbedContentBatch"

    /// The operation up to where the results begin.

    fileprivate mutating func operationStart(_ batch: StoredBatch) {
        raw("{\"name\":\"batches/\(batch.id)\",\"metadata\":{\"@type\":\"\(Self.type)\",")
        batchFields(batch)
    }

    /// The fields of an `EmbedContentBatch` but for its output, without braces. Counts of zero are left out.
    mutating func batchFields(_ batch: StoredBatch) {
        raw("\"model\":")
        string("models/\(batch.model)")
        if let name = batch.displayName {
            raw(",\"displayName\":")
            string(name)
        }
        raw(",\"createTime\":\"\(batch.createTime.rfc3339)\",\"updateTime\":\"\(batch.updateTime.rfc3339)\"")
        if let end = batch.endTime { raw(",\"endTime\":\"\(end.rfc3339)\"") }
        raw(",\"batchStats\":{\"requestCount\":\"\(batch.requestCount)\"")
        let pending = batch.requestCount - batch.finishedCount
        for (name, count) in [
            ("successfulRequestCount", batch.successfulCount), ("failedRequestCount", batch.failedCount),
            ("pendingRequestCount", pending),
        ] where count > 0 { raw(",\"\(name)\":\"\(count)\"") }
        raw("},\"state\":\"\(batch.state.rawValue)\",\"name\":\"batches/\(batch.id)\"")
        if batch.priority != 0 { raw(",\"priority\":\"\(batch.priority)\"") }
    }

    /// Of an operation without results.
    fileprivate mutating func operationEnd(_ batch: StoredBatch) {
        raw("}")
        if batch.state.isFinished { raw(",\"done\":true") }
        if let failure = batch.failure {
            raw(",\"error\":{\"code\":\(failure.code),\"message\":")
            string(failure.message)
            raw("}")
        }
        raw("}")
    }

    /// An entry of a list: no output.
    mutating func operation(_ batch: StoredBatch) {
        operationStart(batch)
        operationEnd(batch)
    }

    /// An operation with its results, which are there twice: in `metadata.output` and in `response`. Those of a job of inline
    /// requests may be many; they go from the disk to the client in pieces.
    static func reply(_ batch: StoredBatch, results: Blob?) throws -> Response {
        var json = JSONWriter()
        json.operationStart(batch)
        let response = "},\"done\":true,\"response\":{\"@type\":\"\(type)\","
        if let file = batch.resultsFile {
            json.raw(
                ",\"output\":{\"responsesFile\":\"files/\(file)\"}\(response)\"responsesFile\":\"files/\(file)\"}}\n")
            return Response(json: json)
        }
        guard let results else {
            json.operationEnd(batch)
            json.raw("\n")
            return Response(json: json)
        }
        let list = "\"inlinedResponses\":{\"inlinedResponses\":["
        json.raw(",\"output\":{\(list)")
        let (start, middle, end) = (json.bytes, Array("]}}\(response)\(list)".utf8), Array("]}}}\n".utf8))
        // Lines become a list: a comma for every line end but the last.
        let count = max(0, try results.size() - 1)
        let body = ResponseBody(contentLength: start.count + middle.count + end.count + 2 * count) { writer in
            try await writer.write(ByteBuffer(bytes: start))
            try await writer.write(results, count: count, separator: UInt8(ascii: ","))
            try await writer.write(ByteBuffer(bytes: middle))
            try await writer.write(results, count: count, separator: UInt8(ascii: ","))
            try await writer.write(ByteBuffer(bytes: end))
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/json; charset=UTF-8"], body: body)
    }
}

import GRDB

package enum BatchState: String, Sendable, CaseIterable {
    case pending = "BATCH_STATE_PENDING"
    case running = "BATCH_STATE_RUNNING"
    case succeeded = "BATCH_STATE_SUCCEEDED"
    case failed = "BATCH_STATE_FAILED"
    case cancelled = "BATCH_STATE_CANCELLED"
    case expired = "BATCH_STATE_EXPIRED"

    package var isFinished: Bool { self != .pending && self != .running }
}

/// Why a job as a whole came to nothing; `code` is a google.rpc.Code.
package struct BatchFailure: Sendable, Equatable {
    package let code: Int
    package let message: String

    package static let cancelled = BatchFailure(code: 1, message: "The batch job was cancelled.")
    package static let expired = BatchFailure(code: 4, message: "The batch job did not finish in its time.")
    package static let storageFull = BatchFailure(
        code: 8, message: "The results are more than the server may store.")

    package static let bytesLost = BatchFailure(
        code: 15, message: "The server has lost the job's requests or results.")

    package init(code: Int, message: String) {
        self.code = code
        self.message = message
    }
}

/// A batch job as the service describes it.
package struct StoredBatch: Sendable, Equatable {
    /// Without `batches/`.
    package let id: String
    /// As given, without `models/`.
    package let model: String
    package let displayName: String?
    /// Jobs of a higher one go first.
    package let priority: Int64
    package let state: BatchState
    package let failure: BatchFailure?
    package let createTime: Timestamp
    package let updateTime: Timestamp
    package let endTime: Timestamp?
    /// The file that the requests came in, without `files/`; nil for requests that were given inline.
    package let inputFile: String?
    /// The file of results of a job from a file, without `files/`, once it succeeded.
    package let resultsFile: String?
    package let requestCount: Int
    package let successfulCount: Int
    package let failedCount: Int
    let sequence: Int64
    let inputBlob: String?
    let resultsBlob: String?
    let inputBytes: Int
    let resultsBytes: Int
    /// Processes that began the next chunk, this one among them.
    let starts: Int
    /// Where in the input lines are no longer a chunk each.
    let aloneBytes: Int

    package var finishedCount: Int { successfulCount + failedCount }

    init(row: Row) {
        id = row["id"]
        model = row["model"]
        displayName = row["displayName"]
        priority = row["priority"]
        // Another castor's word: a job that this one cannot go on with.
        state = BatchState(rawValue: row["state"]) ?? .failed
        failure = (row["failureCode"] as Int?).map { BatchFailure(code: $0, message: row["failure"]) }
        createTime = Timestamp(microseconds: row["createTime"])
        updateTime = Timestamp(microseconds: row["updateTime"])
        endTime = (row["endTime"] as Int64?).map { Timestamp(microseconds: $0) }
        inputFile = row["inputFile"]
        resultsFile = row["resultsFile"]
        requestCount = row["requestCount"]
        successfulCount = row["successfulCount"]
        failedCount = row["failedCount"]
        sequence = row["sequence"]
        inputBlob = row["inputBlob"]
        resultsBlob = row["resultsBlob"]
        inputBytes = row["inputBytes"]
        resultsBytes = row["resultsBytes"]
        starts = row["starts"]
        aloneBytes = row["aloneBytes"]
    }
}

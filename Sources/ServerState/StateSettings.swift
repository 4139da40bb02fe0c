/// Where the state lies and what it may hold. Sizes in bytes.
package struct StateSettings: Sendable {
    /// Made, readable by its owner alone, where it is missing.
    package var folder: String
    /// Of one file. The default is 2 GB, as hosted.
    package var maxFileBytes = 2_000_000_000
    /// Of everything on disk together: files, uploads in progress, inputs and results of batch jobs. The default is 20 GB, as hosted.
    package var maxTotalBytes = 20_000_000_000
    /// The default is 100,000.
    package var maxFiles = 100_000
    /// Uploads in progress at one time. The default is 1,000.
    package var maxUploads = 1_000
    /// Batch jobs known at one time, finished ones too. The default is 10,000.
    package var maxBatches = 10_000
    /// Requests given inline with a batch job, rather than in a file. The default is 50,000.
    package var maxInlineRequests = 50_000
    /// The default is 48 hours, as hosted.
    package var fileLifetime = Duration.seconds(48 * 3_600)
    /// Of an upload to which nothing is added. The default is 24 hours.
    package var uploadLifetime = Duration.seconds(24 * 3_600)
    /// Of a batch job that does not finish. The default is 48 hours, as hosted.
    package var batchLifetime = Duration.seconds(48 * 3_600)
    /// How long a finished batch job is remembered. The default is 7 days.
    package var finishedBatchLifetime = Duration.seconds(7 * 24 * 3_600)
    /// Requests of a batch job that are computed, and made durable, together. The default is 100.
    package var chunkRequests = 100
    /// Bytes of the same. The default is 8 MiB; a single longer request is a chunk of its own.
    package var chunkBytes = 8 << 20
    /// A line of a batch job's file. The default is 100 MB.
    package var maxLineBytes = 100_000_000
    /// Called between the reading of a row and the opening of the bytes that it names, for tests of what may come there.
    package var beforeOpening: @Sendable () -> Void = {}
    /// The clock.
    package var now: @Sendable () -> Timestamp = Timestamp.now

    package init(folder: String) {
        self.folder = folder
    }
}

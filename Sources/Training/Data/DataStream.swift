package import Castor
package import CastorNumerics
import Encoder
import Synchronization

/// The batches of a stage of training, decoded ahead of their use.
///
/// ```swift
/// let stream = try DataStream(tasks, preparation, seed: 1, steps: 1_000)
/// while let batch = try stream.next() { print(try trainer.step([batch.pairs])) }
/// ```
///
/// Equal data, options, seed and state give equal batches, bit for bit, whatever the number of threads, with a cache or
/// without. Not to be called from several threads at once.
package final class DataStream {
    package struct Task: Sendable {
        package var sampling: Sampler.Task
        package var samples: SampleOptions
        package var cache: FrontEndCache?

        package init(_ sampling: Sampler.Task, samples: SampleOptions = SampleOptions(), cache: FrontEndCache? = nil) {
            self.sampling = sampling
            self.samples = samples
            self.cache = cache
        }
    }

    /// All that the stream needs to go on after a batch.
    package struct State: Sendable, Equatable, Codable {
        package var sampler: Sampler.State
        /// Rows of each task's data set that could not be prepared.
        package var bad: [[Int32]]
    }

    package struct Batch: Sendable {
        /// Index of the task.
        package let task: Int
        /// Of the task's data set, from 0.
        package let epoch: Int
        package let pairs: PairBatch
        /// Bad samples that this batch lacks.
        package let skipped: [BadSample]
        /// What is odd about samples that it has: each sample's once, and not of very many.
        package let notes: [String]
        /// To continue after this batch.
        package let state: State
    }

    package let tasks: [Task]
    /// After the last batch that was handed out.
    package private(set) var state: State
    /// The first bad sample of each task, also of those found on opening.
    package private(set) var firstBad: [BadSample?]
    private let preparations: [SamplePreparation]
    private let prefetcher: Prefetcher<Sampler.Plan, Result<PreparedSample, BadSample>>
    private var known: [Set<Int32>]
    private var noted = NotedSamples()

    /// - Parameters:
    ///   - preparation: that of the model's configuration and tokenizer
    ///   - steps: where the stream ends, counted from its beginning; nil for never
    package init(
        _ tasks: [Task], _ preparation: Preparation, seed: UInt64, steps: Int? = nil, state: State? = nil,
        prefetching: Prefetcher<Sampler.Plan, Result<PreparedSample, BadSample>>.Options = .init()
    ) throws(DataError) {
        let sampler = try Sampler(tasks.map(\.sampling), seed: seed, state: state?.sampler)
        let sets = tasks.map(\.sampling.dataSet)
        if let state {
            guard state.bad.count == tasks.count,
                zip(state.bad, sets).allSatisfy({ bad, set in bad.allSatisfy { set.rows.indices.contains(Int($0)) } })
            else { throw .state(reason: "the list of bad samples is damaged") }
        }
        self.tasks = tasks
        self.state = state ?? State(sampler: sampler.state, bad: tasks.map { _ in [] })
        known = self.state.bad.map(Set.init)
        firstBad = sets.map(\.bad.first)
        let preparations = zip(tasks, sets).map { task, set in
            SamplePreparation(preparation, cache: task.cache, options: task.samples, folder: set.source.folder)
        }
        self.preparations = preparations
        let source = Mutex(sampler)
        prefetcher = Prefetcher(options: prefetching) {
            source.withLock { sampler in
                if let steps, sampler.state.step >= steps { return nil }
                let plan = sampler.next()
                return (plan, plan.rows.count)
            }
        } work: { plan, piece in
            let epochSeed = Self.epochSeed(seed, plan.epoch)
            let row = plan.rows[piece]
            let result = Self.prepare(sets[plan.task], row, preparations[plan.task], epochSeed)
            return (result, (try? result.get().byteCount) ?? 0)
        }
    }

    private static func epochSeed(_ seed: UInt64, _ epoch: Int) -> UInt64 {
        var random = SeededGenerator(seed, UInt64(epoch))
        return random.next()
    }

    private static func prepare(
        _ set: DataSet, _ row: Int32, _ preparation: SamplePreparation, _ seed: UInt64?
    ) -> Result<PreparedSample, BadSample> {
        do throws(BadSample) {
            var draw: UInt64 = 0
            if let seed {
                var random = SeededGenerator(RandomPurpose.caption.rawValue, seed, set.rows[Int(row)].hash)
                draw = random.next()
            }
            let sample = try set.sample(Int(row), draw: draw)
            do { return .success(try preparation(sample, seed: seed)) } catch {
                return .failure(BadSample(place: set.place(Int(row)), reason: error.description))
            }
        } catch { return .failure(error) }
    }

    /// Bytes of prepared samples that wait.
    package var waitingBytes: Int { prefetcher.waitingBytes }

    /// The next batch with at least one sound sample; nil after the last step.
    ///
    /// - Throws: `DataError.tooManyBad`, and `DataError.empty` where a data set has no sound sample at all
    package func next() throws(DataError) -> Batch? {
        while let (plan, results) = prefetcher.next() {
            state.sampler = plan.state
            var samples: [PreparedSample] = []
            var skipped: [BadSample] = []
            var notes: [String] = []
            for (row, result) in zip(plan.rows, results) {
                switch result {
                case .success(let sample):
                    if let note = sample.notes.first, noted.isNew(row, task: plan.task) {
                        notes.append("\(tasks[plan.task].sampling.dataSet.place(Int(row))): \(note)")
                        if noted.isFull { notes.append("further samples like this are not named") }
                    }
                    samples.append(sample)
                case .failure(let bad):
                    skipped.append(bad)
                    try note(bad, row, task: plan.task)
                }
            }
            guard !samples.isEmpty else {
                try expectSound(task: plan.task)
                continue
            }
            return Batch(
                task: plan.task, epoch: plan.epoch, pairs: PairBatch(samples), skipped: skipped, notes: notes,
                state: state)
        }
        return nil
    }

    /// Bad samples of a task so far, each once, also those found on opening.
    package func badCount(task: Int) -> Int { tasks[task].sampling.dataSet.badCount + known[task].count }

    /// However many bad samples are tolerated: without a sound one there would never be a batch.
    private func expectSound(task: Int) throws(DataError) {
        let set = tasks[task].sampling.dataSet
        guard set.training.allSatisfy({ known[task].contains($0) }) else { return }
        throw .empty(dataSet: set.name, first: firstBad[task])
    }

    private func note(_ bad: BadSample, _ row: Int32, task: Int) throws(DataError) {
        let first = firstBad[task] ?? bad
        firstBad[task] = first
        guard known[task].insert(row).inserted else { return }
        state.bad[task].append(row)
        let set = tasks[task].sampling.dataSet
        let (count, limit) = (badCount(task: task), set.source.tolerated(of: set.recordCount))
        guard count <= limit else {
            throw .tooManyBad(dataSet: set.name, count: count, of: set.recordCount, limit: limit, first: first)
        }
    }
}

/// Samples with something odd: twenty are as good as all.
private struct NotedSamples {
    private var rows: Set<[Int32]> = []
    private static let most = 20

    var isFull: Bool { rows.count >= Self.most }

    mutating func isNew(_ row: Int32, task: Int) -> Bool { !isFull && rows.insert([Int32(task), row]).inserted }
}

// MARK: - Validation

extension DataStream {
    /// Held-out pairs of one data set, without any random change.
    package struct HeldOut: Sendable {
        /// What they are made of, to be shown to people.
        package let samples: [Sample]
        package let pairs: PairBatch
        /// Bad samples that were left out.
        package let skipped: [BadSample]
    }

    /// At most `limit` of a task's held-out pairs, always the same ones; nil where there are none.
    package func heldOut(task: Int, limit: Int, pool: WorkerPool) throws(DataError) -> HeldOut? {
        let set = tasks[task].sampling.dataSet
        let rows = Array(set.heldOut.prefix(limit))
        guard !rows.isEmpty else { return nil }
        let results = Slots<Result<PreparedSample, BadSample>>(count: rows.count)
        let preparation = preparations[task]
        pool.run(rows.count) { index, _ in results[index] = Self.prepare(set, rows[index], preparation, nil) }
        var (samples, prepared, skipped): ([Sample], [PreparedSample], [BadSample]) = ([], [], [])
        for (row, result) in zip(rows, results.values) {
            switch result {
            case .success(let found):
                prepared.append(found)
                do { samples.append(try set.sample(Int(row))) } catch {
                    throw .unreadable(path: error.place.path, reason: error.reason)
                }
            case .failure(let bad):
                skipped.append(bad)
                try note(bad, row, task: task)
            }
        }
        return prepared.isEmpty ? nil : HeldOut(samples: samples, pairs: PairBatch(prepared), skipped: skipped)
    }
}

extension PairBatch {
    /// - Precondition: samples of one data set, at least one.
    init(_ samples: [PreparedSample]) {
        func matrix(_ vectors: [[Float]]) -> Matrix? {
            guard let columns = vectors.first?.count else { return nil }
            return Matrix(rows: vectors.count, columns: columns, values: vectors.flatMap { $0 })
        }
        let hasNegatives = samples.contains { !$0.negatives.isEmpty }
        self.init(
            queries: samples.map(\.query), positives: samples.compactMap(\.positive),
            negatives: hasNegatives ? samples.map(\.negatives) : [],
            queryTeachers: matrix(samples.compactMap(\.queryTeacher)),
            positiveTeachers: matrix(samples.compactMap(\.positiveTeacher)))
    }
}

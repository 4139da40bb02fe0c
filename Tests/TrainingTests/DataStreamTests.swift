import Castor
import CastorNumerics
import Encoder
import FoundationEssentials
import TestSupport
import Testing
import Training

@Suite struct DataStreamTests {
    /// Texts, pictures with several captions, and sounds, everything random switched on.
    private func tasks(_ folder: DataFolder, cached: Bool) throws -> [DataStream.Task] {
        if !FileManager.default.fileExists(atPath: "\(folder.path)/pictures") {
            for index in 0..<12 {
                try folder.write("pictures/\(index).bmp", Made.picture(seed: UInt64(index)))
                try folder.write(
                    "sounds/class_\(index % 3)/\(index).wav", Made.sound(samples: 4_000, seed: UInt64(index)))
            }
            try folder.write(
                "pictures/captions.tsv", (0..<12).map { "\($0).bmp\tred \($0)\tgreen \($0)\n" }.joined())
            _ = try folder.pairs(40)
        }
        let texts = try folder.open("pairs.tsv", .tsv) { $0.heldOut = 0.2 }
        let pictures = try folder.open("pictures", .folder)
        let sounds = try folder.open("sounds", .folder)
        func cache(_ set: DataSet) throws -> FrontEndCache? {
            guard cached else { return nil }
            return try FrontEndCache(
                dataSet: set.name, identity: Nano.identity(), options: .init(folder: "\(folder.path)/cache"))
        }
        var prompted = SampleOptions()
        (prompted.prompt, prompted.positivePrompt, prompted.promptDropout) = (.retrievalQuery, .retrievalDocument, 0.5)
        var changed = SampleOptions()
        (changed.picture.crop, changed.picture.flip, changed.keptPatches) = (0.5, 0.5, 0.6)
        return [
            DataStream.Task(.init(texts, batchSize: 8, window: 2), samples: prompted),
            DataStream.Task(.init(pictures, batchSize: 4), samples: changed, cache: try cache(pictures)),
            DataStream.Task(.init(sounds, batchSize: 5), cache: try cache(sounds)),
        ]
    }

    @Test func samplesWithWrongLabelsAreNamedOnce() throws {
        try DataFolder.with { folder in
            for index in 0..<24 { try folder.write("pictures/\(index).jpg", Made.picture(seed: UInt64(index))) }
            try folder.write("pictures/captions.tsv", (0..<24).map { "\($0).jpg\tred \($0)\n" }.joined())
            let set = try folder.open("pictures", .folder)
            let stream = try DataStream([.init(.init(set, batchSize: 4))], try Nano.preparation(), seed: 9, steps: 14)
            var notes: [String] = []
            while let batch = try stream.next() {
                #expect(batch.skipped.isEmpty)
                notes += batch.notes
            }
            #expect(notes.count == 21 && Set(notes).count == 21)
            #expect(notes[0].contains("declared as image/jpeg, but the bytes are image/bmp"))
            #expect(notes.last == "further samples like this are not named")
        }
    }

    private func stream(
        _ folder: DataFolder, cached: Bool = false, threads: Int = 1, steps: Int? = 30, state: DataStream.State? = nil,
        maxBytes: Int = 1 << 20
    ) throws -> DataStream {
        var options = Prefetcher<Sampler.Plan, Result<PreparedSample, BadSample>>.Options()
        (options.threads, options.maxBytes) = (threads, maxBytes)
        return try DataStream(
            try tasks(folder, cached: cached), try Nano.preparation(), seed: 9, steps: steps, state: state,
            prefetching: options)
    }

    private func all(_ stream: DataStream) throws -> [DataStream.Batch] {
        var batches: [DataStream.Batch] = []
        while let batch = try stream.next() { batches.append(batch) }
        return batches
    }

    @Test func streamIsTheSameWithAnyThreadsAndCaches() throws {
        try DataFolder.with { folder in
            let expected = try all(stream(folder, threads: 0))
            #expect(expected.count == 30 && Set(expected.map(\.task)) == [0, 1, 2])
            for (threads, cached) in [(1, false), (3, false), (0, true), (2, true), (2, true)] {
                let found = try all(stream(folder, cached: cached, threads: threads, maxBytes: 10_000))
                #expect(found.map(\.task) == expected.map(\.task))
                let same = zip(found, expected).allSatisfy { $0.pairs.bits == $1.pairs.bits && $0.state == $1.state }
                #expect(same, "\(threads) threads, cache \(cached)")
            }
        }
    }

    @Test func resumedStreamEqualsTheWholeOne() throws {
        try DataFolder.with { folder in
            let whole = try all(stream(folder, threads: 1))
            for cut in whole.indices {
                let json = try JSONEncoder().encode(whole[cut].state)
                let state = try JSONDecoder().decode(DataStream.State.self, from: json)
                let resumed = try stream(folder, threads: cut % 3, state: state)
                for batch in whole[(cut + 1)...].prefix(cut % 7 == 0 ? 30 : 2) {
                    let next = try resumed.next()
                    #expect(next?.pairs.bits == batch.pairs.bits && next?.state == batch.state, "cut after \(cut)")
                }
            }
        }
    }

    @Test func equalContentsStayEqual() throws {
        try DataFolder.with { folder in
            // The same picture under two names, and the same query with different answers, in one batch.
            try folder.write("a.bmp", Made.picture(seed: 1))
            try folder.write("b.bmp", Made.picture(seed: 1))
            try folder.write("captions.tsv", "a.bmp\tsame\nb.bmp\tsame\n")
            var options = SampleOptions()
            (options.picture.crop, options.picture.flip, options.keptPatches) = (0.4, 0.5, 0.5)
            (options.prompt, options.promptDropout) = (.retrievalQuery, 0.5)
            let set = try folder.open("", .folder)
            let stream = try DataStream(
                [.init(.init(set, batchSize: 2), samples: options)], try Nano.preparation(), seed: 1, steps: 12)
            var seen: Set<ContentHash> = []
            for batch in try all(stream) {
                #expect(batch.pairs.positives[0].contentHash == batch.pairs.positives[1].contentHash)
                #expect(batch.pairs.queries[0].contentHash == batch.pairs.queries[1].contentHash)
                seen.insert(batch.pairs.positives[0].contentHash)
            }
            // Another epoch, another crop.
            #expect(seen.count == 12)
        }
    }

    @Test func captionsAndPromptsAreDrawnAnewEachEpoch() throws {
        try DataFolder.with { folder in
            let tasks = try Array(tasks(folder, cached: false)[0...1])
            let stream = try DataStream(tasks, try Nano.preparation(), seed: 2, steps: 80)
            var counts: [Int: Set<Int>] = [:]
            for batch in try all(stream) where batch.task == 0 {
                for query in batch.pairs.queries { counts[0, default: []].insert(query.tokenCount) }
            }
            let captions = try (0..<200).map { try tasks[1].sampling.dataSet.sample(0, draw: $0).query.text }
            let red = captions.count { $0 == "red 0" }
            // Three standard deviations.
            #expect(abs(red - 100) < 22)
        }
    }

    @Test func promptIsInFrontOfTheQuery() throws {
        try DataFolder.with { folder in
            try folder.write(
                "x.jsonl",
                #"{"query": {"parts": [{"text": "a b"}]}, "positive": {"parts": [{"text": "c"}]}, "task": "CLUSTERING"}"#
            )
            try folder.write("x.tsv", "a b\tc\n")
            let prepare = try Nano.preparation()
            func ids(_ text: String) throws -> [UInt32] { try prepare(Content(text), EmbedOptions()).input.bits }
            func first(_ name: String, _ format: DataSource.Format, _ options: SampleOptions) throws -> PairBatch? {
                let task = DataStream.Task(.init(try folder.open(name, format), batchSize: 1), samples: options)
                return try DataStream([task], prepare, seed: 1).next()?.pairs
            }
            var options = SampleOptions()
            (options.prompt, options.positivePrompt) = (.retrievalQuery, .retrievalDocument)
            let table = try first("x.tsv", .tsv, options)
            #expect(try table?.queries[0].bits == ids("task: search result | query: a b"))
            #expect(try table?.positives[0].bits == ids("title: none | text: c"))
            #expect(try first("x.jsonl", .jsonl, options)?.queries[0].bits == ids("task: clustering | query: a b"))
            options.promptDropout = 1
            #expect(try first("x.tsv", .tsv, options)?.queries[0].bits == ids("a b"))
        }
    }

    @Test func cachedPatchesEqualFreshOnesUpToHalfPrecision() throws {
        try DataFolder.with { folder in
            try folder.write("x/a.bmp", Made.picture(width: 61, height: 33, seed: 4))
            let prepare = try Nano.preparation()
            var options = EmbedOptions()
            options.files = .relative(to: folder.path)
            let served = try prepare([.file("x/a.bmp")], options).input
            let set = try folder.open("", .folder)
            let task = DataStream.Task(
                .init(set, batchSize: 1),
                cache: try FrontEndCache(
                    dataSet: "x", identity: Nano.identity(), options: .init(folder: "\(folder.path)/c")))
            // Without threads: two would decode it at once.
            var prefetching = Prefetcher<Sampler.Plan, Result<PreparedSample, BadSample>>.Options()
            prefetching.threads = 0
            let stream = try DataStream([task], prepare, seed: 1, steps: 2, prefetching: prefetching)
            let trained = try all(stream).map { $0.pairs.positives[0] }
            #expect(trained[0].bits == trained[1].bits && task.cache?.counts.hits == 1)
            guard case .image(let a, let grid) = served.segments[0],
                case .image(let b, let cachedGrid) = trained[0].segments[0]
            else {
                Issue.record("no pictures")
                return
            }
            #expect(grid == cachedGrid)
            // Half precision keeps 11 bits.
            #expect(zip(a.values, b.values).allSatisfy { abs($0 - $1) <= max(abs($0), 6e-5) * 0x1p-11 })
        }
    }

    /// The ids of pages' texts are another tokenizer's, and are cut where another context ends: one folder of caches serves
    /// many models, and each gets what it would have without.
    @Test func modelsShareNoCacheThatDiffersForThem() throws {
        try DataFolder.with { folder in
            try folder.write("two.pdf", Folders.read("\(Folders.fixtures)/media/two-pages.pdf"))
            try folder.write(
                "pages.jsonl",
                #"{"query": {"parts": [{"text": "a page"}]}, "positive": {"parts": [{"fileData": {"fileUri": "two.pdf"}}]}}"#
            )
            let nano = try String(decoding: Folders.read("\(Folders.nano)/config.json"), as: UTF8.self)
            let larger = "\(Folders.weights)/castor-small/tokenizer.model"
            let pieces = try Model.configuration(path: "\(Folders.weights)/castor-small").text.vocabularySize
            for (name, config, tokenizer) in [
                ("short", nano.replacing("8192", with: "14"), "\(Folders.nano)/tokenizer.model"),
                ("nano", nano, "\(Folders.nano)/tokenizer.model"),
                ("other", nano.replacing("_size\": 1000", with: "_size\": \(pieces)"), larger),
                ("nano", nano, "\(Folders.nano)/tokenizer.model"),
            ] {
                try folder.write("\(name)/config.json", config)
                try folder.write("\(name)/tokenizer.model", Folders.read(tokenizer))
                try folder.write(
                    "recipe.json",
                    """
                    {"model": "\(name)", "output": "out", "cache": {"folder": "cache"}, "evaluation": {"heldOut": 0},
                     "stages": [{"steps": 2, "schedule": {"peak": 0.001}, "data": [{"path": "pages.jsonl"}]}]}
                    """)
                func first(_ overrides: String...) throws -> [[UInt32]]? {
                    let recipe = try Recipe(path: "\(folder.path)/recipe.json", overrides: overrides)
                    let plan = try RunPlan(recipe, pool: WorkerPool(threads: 1))
                    return try DataStream(plan.stages[0].tasks, plan.preparation, seed: 1, steps: 1).next()?.pairs.bits
                }
                let fresh = try first("cache.enabled=false")
                #expect(try first() == fresh && first() == fresh, "\(name)")
            }
        }
    }

    // MARK: - Bad samples

    @Test func badSamplesAreSkippedCountedAndNamed() throws {
        try DataFolder.with { folder in
            for index in 0..<200 {
                try folder.write("x/\(index).bmp", Made.picture(width: 8, height: 8, seed: UInt64(index)))
            }
            for index in [17, 90] { try folder.write("x/\(index).bmp", "BM and nothing else") }
            var set = try folder.open("", .folder)
            var stream = try DataStream([.init(.init(set, batchSize: 16))], try Nano.preparation(), seed: 1, steps: 40)
            let batches = try all(stream)
            // Two of 200 in each of three epochs; each counts once.
            #expect(batches.reduce(0) { $0 + $1.skipped.count } >= 4 && stream.badCount(task: 0) == 2)
            let named = try #require(stream.firstBad[0])
            #expect(named.place.path.hasSuffix("x/17.bmp") || named.place.path.hasSuffix("x/90.bmp"))
            #expect(named.reason.contains("known format"), "\(named)")
            #expect(batches.allSatisfy { $0.pairs.queries.count + $0.skipped.count >= 15 })

            // One more than the tolerated 1 %, and it is an error at the same batch with any threads and after a resume.
            try folder.write("x/5.bmp", "BM")
            set = try folder.open("", .folder)
            func failingStep(_ threads: Int, from state: DataStream.State? = nil) throws -> Int? {
                var options = Prefetcher<Sampler.Plan, Result<PreparedSample, BadSample>>.Options()
                options.threads = threads
                stream = try DataStream(
                    [.init(.init(set, batchSize: 16))], try Nano.preparation(), seed: 1, steps: 40, state: state,
                    prefetching: options)
                do {
                    while try stream.next() != nil {}
                } catch {
                    guard case .tooManyBad(_, 3, 200, 2, _) = error else { throw error }
                    return stream.state.sampler.step
                }
                return nil
            }
            let step = try #require(try failingStep(0))
            #expect(try failingStep(3) == step)
            stream = try DataStream([.init(.init(set, batchSize: 16))], try Nano.preparation(), seed: 1, steps: 40)
            for _ in 1..<step - 1 { _ = try stream.next() }
            let state = stream.state
            #expect(try failingStep(1, from: state) == step)
        }
    }

    /// However many are tolerated: a data set of which nothing can be used ends.
    @Test func aDataSetWithoutASoundSampleEnds() throws {
        try DataFolder.with { folder in
            for index in 0..<5 { try folder.write("bad/x/\(index).bmp", "BM and nothing else") }
            try folder.write("one/x/0.bmp", "BM and nothing else")
            let bad = try folder.open("bad", .folder) { $0.badShare = 1 }
            let one = try folder.open("one", .folder)
            let sound = try folder.open(folder.pairs(40).split(separator: "/").last.map(String.init)!, .tsv)
            func expectEmpty(_ sets: [DataSet], threads: Int, steps: Int?, state: DataStream.State? = nil) throws {
                var options = Prefetcher<Sampler.Plan, Result<PreparedSample, BadSample>>.Options()
                options.threads = threads
                let stream = try DataStream(
                    sets.map { .init(.init($0, rate: sets.count > 1 ? 1 : nil, batchSize: 2)) }, try Nano.preparation(),
                    seed: 3, steps: steps, state: state, prefetching: options)
                let error = #expect(throws: DataError.self) { while try stream.next() != nil {} }
                guard case .empty(sets[0].name, let first?)? = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(first.place.path.hasSuffix(".bmp") && first.reason.contains("known format"), "\(first)")
            }
            for threads in [0, 2] {
                try expectEmpty([one], threads: threads, steps: nil)
                try expectEmpty([bad], threads: threads, steps: nil)
                try expectEmpty([bad], threads: threads, steps: 400)
                try expectEmpty([bad, sound], threads: threads, steps: nil)
            }
            // What an earlier run found counts.
            var state = try DataStream([.init(.init(bad, batchSize: 2))], try Nano.preparation(), seed: 3).state
            state.bad = [[0, 1, 3, 4]]
            try expectEmpty([bad], threads: 1, steps: nil, state: state)
        }
    }

    // MARK: - Validation

    @Test func heldOutPairsAreNeverTrainedOn() throws {
        try DataFolder.with { folder in
            let stream = try stream(folder, threads: 1, steps: 60)
            let pool = WorkerPool(threads: 2)
            let held = try #require(try stream.heldOut(task: 0, limit: 100, pool: pool))
            #expect(
                held.samples.count == tasks(in: stream).heldOut.count && held.pairs.queries.count == held.samples.count)
            #expect(try stream.heldOut(task: 0, limit: 2, pool: pool)?.samples == Array(held.samples.prefix(2)))
            #expect(try stream.heldOut(task: 1, limit: 2, pool: pool) == nil)
            let answers = Set(held.pairs.positives.map(\.contentHash))
            let set = tasks(in: stream)
            let trained = try Set(set.training.map { try set.sample(Int($0)).query.text })
            #expect(held.samples.allSatisfy { !trained.contains($0.query.text) })
            for batch in try all(stream) where batch.task == 0 {
                #expect(batch.pairs.positives.allSatisfy { !answers.contains($0.contentHash) })
            }
        }
    }

    private func tasks(in stream: DataStream) -> DataSet { stream.tasks[0].sampling.dataSet }

    @Test func teachersArriveInOrder() throws {
        try DataFolder.with { folder in
            try folder.write("x.tsv", "a\nb\nc\n")
            let path = try folder.write("t.npy", Made.numpy(shape: "(3, 2)", Made.floats([1, 1, 2, 2, 3, 3])))
            let set = try folder.open("x.tsv", .tsv) { ($0.positive, $0.queryTeacher) = (nil, path) }
            let prepare = try Nano.preparation()
            let batch = try #require(try DataStream([.init(.init(set, batchSize: 3))], prepare, seed: 1).next()).pairs
            #expect(batch.positives.isEmpty && batch.positiveTeachers == nil)
            for (index, query) in batch.queries.enumerated() {
                let expected = try ["a", "b", "c"].map { try prepare(Content($0), EmbedOptions()).input.bits }
                let place = try #require(expected.firstIndex(of: query.bits))
                #expect(batch.queryTeachers?.row(index)[0] == Float(place + 1))
            }
        }
    }

    @Test func trainerTakesTheBatches() throws {
        try DataFolder.with { folder in
            let stream = try stream(folder, steps: 6)
            let pool = WorkerPool(threads: 2)
            let model = try Nano.model(pool)
            let objective = Objective(levels: [.init(size: 128)])
            let trainer = try Trainer(
                .castor(model.configuration), try ParameterStore(of: model, extra: objective.parameterShapes),
                objective,
                Trainer.Options(schedule: Schedule(peak: 1e-3, totalSteps: 6)), pool)
            while let batch = try stream.next() { #expect(try trainer.step([batch.pairs]).loss.total.isFinite) }
            #expect(trainer.stepCount == 6)
        }
    }
}

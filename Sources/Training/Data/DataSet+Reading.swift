import Castor
import CastorNumerics
import Glibc
import Media

extension BadSample: Error {}

/// What all samples of a data set must have in common.
struct SampleShape: Equatable {
    var hasPositive: Bool
    var queryTeacher: Int?
    var positiveTeacher: Int?

    func difference(from first: SampleShape) -> String? {
        if hasPositive != first.hasPositive {
            return hasPositive
                ? "has a positive, the first sample has none" : "lacks \"positive\", the first sample has one"
        }
        for (name, own, wanted) in [
            ("query", queryTeacher, first.queryTeacher), ("positive", positiveTeacher, first.positiveTeacher),
        ] where own != wanted {
            func words(_ count: Int?) -> String { count.map { "a vector of \($0)" } ?? "none" }
            return "the \(name)'s teacher is \(words(own)), the first sample's is \(words(wanted))"
        }
        return nil
    }
}

extension DataSet {
    /// Reads samples from where they are.
    struct Reader {
        let source: DataSource
        let storage: Storage
        let queryTeacher: VectorFile?
        let positiveTeacher: VectorFile?
        /// nil where nothing is split.
        var keys: SplitKeys?

        struct Found {
            var tokens: Int32
            var hash: UInt64
            /// Of the query and of the positive alone.
            var query: UInt64
            var positive: UInt64
            /// nil where nothing is split.
            var keys: SplitKeys.Pair?
            var kinds: MediaKinds
            var hasNegatives: Bool
            var hasZeroTeacher: Bool
            var shape: SampleShape
        }

        func place(_ record: Int) -> DataPlace {
            switch storage {
            case .lines(let records): DataPlace(path: source.path, line: records.records[record].line)
            case .table(_, let columns): DataPlace(path: source.path, line: columns.records[record].line)
            case .folder(let index): index.items[record].place
            }
        }

        /// The record in its file; nil in a folder.
        private func text(_ record: Int) -> TextRecord? {
            switch storage {
            case .lines(let records): records.records[record]
            case .table(_, let columns): columns.records[record]
            case .folder: nil
            }
        }

        func bad(_ record: Int, _ reason: String) -> BadSample {
            guard let span = text(record)?.span else { return BadSample(place: place(record), reason: reason) }
            return BadSample(place: place(record), reason: "\(reason); \(span.words)", lines: span.count)
        }

        /// Of good rows: a quote that was not closed may take others' lines into a field.
        func longestField(of rows: [Row]) -> String? {
            let records = rows.lazy.compactMap { text(Int($0.record)) }
            guard let longest = records.max(by: { $0.lineCount < $1.lineCount }),
                longest.lineCount > TextRecord.usualLines, let span = longest.span
            else { return nil }
            return "\(source.name): \(span.words)"
        }

        func inspectAll(_ count: Int, imageTokens: Int, _ pool: WorkerPool) -> [Result<Found, Unreadable>] {
            let results = Slots<Result<Found, Unreadable>>(count: count)
            let ranges = pool.ranges(count, minimum: 256, perWorker: 4)
            pool.run(count == 0 ? 0 : ranges.count) { index, _ in
                for record in ranges[index] {
                    do throws(Unreadable) {
                        results[record] = .success(try inspect(record, imageTokens))
                    } catch { results[record] = .failure(error) }
                }
            }
            return results.values
        }

        private func inspect(_ record: Int, _ imageTokens: Int) throws(Unreadable) -> Found {
            let sample = try sample(record, draw: 0)
            var tokens = 0
            for content in sample.contents {
                guard !content.parts.isEmpty else { throw Unreadable("a content has no parts") }
                for part in content.parts { tokens += try estimate(part, imageTokens) }
            }
            for vector in [sample.queryTeacher, sample.positiveTeacher] {
                guard vector?.isEmpty != true else { throw Unreadable("a teacher vector is empty") }
                guard vector?.allSatisfy(\.isFinite) ?? true else {
                    throw Unreadable("a teacher vector holds a value that is not finite")
                }
            }
            guard sample.positive != nil || sample.positiveTeacher == nil else {
                throw Unreadable("has a teacher's vector for its positive, and no positive")
            }
            guard sample.positive != nil || sample.queryTeacher != nil else {
                throw Unreadable("has neither a positive nor a teacher")
            }
            var hash = ByteHash()
            if case .folder(let index) = storage {
                // Not its captions: all of them go where their picture goes.
                hash.add(index.items[record].path)
            } else {
                hash.add(sample.query)
                if let positive = sample.positive { hash.add(positive) }
            }
            func hashOf(_ content: Content) -> UInt64 {
                var hash = ByteHash()
                hash.add(content)
                return hash.value
            }
            return Found(
                tokens: Int32(clamping: tokens), hash: hash.value, query: hashOf(sample.query),
                positive: sample.positive.map(hashOf) ?? 0, keys: splitKeys(sample, record),
                kinds: MediaKinds(sample),
                hasNegatives: !sample.negatives.isEmpty,
                hasZeroTeacher: [sample.queryTeacher, sample.positiveTeacher].contains {
                    $0?.allSatisfy { $0 == 0 } == true
                },
                shape: SampleShape(
                    hasPositive: sample.positive != nil, queryTeacher: sample.queryTeacher?.count,
                    positiveTeacher: sample.positiveTeacher?.count))
        }

        private func splitKeys(_ sample: Sample, _ record: Int) -> SplitKeys.Pair? {
            guard let keys else { return nil }
            if case .folder(let index) = storage {
                let key = keys(file: index.items[record].path)
                return SplitKeys.Pair(query: key, positive: key, leansOnPositive: true)
            }
            func hasMedia(_ content: Content) -> Bool {
                content.parts.contains { if case .text = $0 { false } else { true } }
            }
            return SplitKeys.Pair(
                query: keys(sample.query), positive: sample.positive.map { keys($0) },
                leansOnPositive: !hasMedia(sample.query) && sample.positive.map(hasMedia) ?? false)
        }

        func sample(_ record: Int, draw: UInt64) throws(Unreadable) -> Sample {
            var sample: Sample
            switch storage {
            case .lines(let records):
                let line = try PairLine(json: records.bytes(records.records[record]))
                sample = Sample(query: line.query, positive: line.positive)
                sample.negatives = line.negatives
                sample.queryTeacher = line.queryTeacher
                sample.positiveTeacher = line.positiveTeacher
                sample.task = line.task
            case .table(let records, let columns):
                sample = try columns.sample(records.bytes(columns.records[record]))
            case .folder(let index):
                let item = index.items[record]
                var random = SeededGenerator(seed: draw)
                let text = item.texts[item.texts.count > 1 ? random.next(below: item.texts.count) : 0]
                let template = source.templates[
                    source.templates.count > 1 ? random.next(below: source.templates.count) : 0]
                let caption = template.replacing("{class}", with: text).replacing("{caption}", with: text)
                sample = Sample(query: Content(caption), positive: [.file(item.path)])
                if source.swapped { sample = Sample(query: sample.positive!, positive: sample.query) }
                let textTeacher = source.swapped ? positiveTeacher : queryTeacher
                if textTeacher != nil, item.texts.count * source.templates.count > 1 {
                    throw Unreadable("its text is drawn from several, and a teacher's vector fits one")
                }
            }
            if source.swapped, source.format != .folder {
                guard let positive = sample.positive else { throw Unreadable("has no positive to exchange") }
                (sample.query, sample.positive) = (positive, sample.query)
                (sample.queryTeacher, sample.positiveTeacher) = (sample.positiveTeacher, sample.queryTeacher)
            }
            if let queryTeacher { sample.queryTeacher = try Self.vector(queryTeacher, record) }
            if let positiveTeacher { sample.positiveTeacher = try Self.vector(positiveTeacher, record) }
            return sample
        }

        private static func vector(_ file: VectorFile, _ record: Int) throws(Unreadable) -> [Float] {
            guard let vector = file.vector(record) else {
                throw Unreadable("its teacher vector holds a value that is not finite")
            }
            return vector
        }

        /// About the tokens of a part. Files must be there.
        private func estimate(_ part: Part, _ imageTokens: Int) throws(Unreadable) -> Int {
            switch part {
            case .clip(let video, _): return try estimate(video, imageTokens)
            case .text(let text):
                guard !text.isEmpty else { throw Unreadable("a text is empty") }
                return text.utf8.count / 4 + 1
            case .data(let bytes, let mimeType):
                let type =
                    mimeType.flatMap(MediaType.init(mimeType:)) ?? bytes.withUnsafeBytes { MediaType.sniff($0.bytes) }
                return TokenEstimate.tokens(of: bytes.count, type, imageTokens: imageTokens)
            case .file(let path, let mimeType):
                let full = path.hasPrefix("/") ? path : "\(source.folder)/\(path)"
                var status = stat()
                guard stat(full, &status) == 0 else { throw Unreadable("\(path): \(String(cString: strerror(errno)))") }
                guard status.st_mode & S_IFMT == S_IFREG else { throw Unreadable("\(path): is not a file") }
                guard status.st_size > 0 else { throw Unreadable("\(path): the file is empty (0 bytes)") }
                let type = mimeType.flatMap(MediaType.init(mimeType:)) ?? MediaType(fileName: path)
                return TokenEstimate.tokens(of: Int(status.st_size), type, imageTokens: imageTokens)
            }
        }

    }
}

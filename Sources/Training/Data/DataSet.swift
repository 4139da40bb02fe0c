import Castor
package import CastorNumerics
import Glibc
import Media

/// A data set, checked and counted, with nothing in memory but where its rows are.
///
/// Opening reads every row once: rows that cannot be samples (broken lines, missing files, empty texts) are left out and
/// counted. Media are opened when a batch needs them.
package final class DataSet: Sendable {
    /// A row that is a sample.
    package struct Row: Sendable, Equatable {
        /// Which record of the file.
        let record: Int32
        /// About how many tokens it has: what batches of like length are made by.
        package let tokens: Int32
        /// Of the pair; equal pairs are on the same side of the split.
        package let hash: UInt64
    }

    package let source: DataSource
    package var name: String { source.name }
    /// All records, bad ones too.
    package let recordCount: Int
    package let rows: [Row]
    /// Rows that are trained on, as indexes of `rows`.
    package let training: [Int32]
    /// Rows that are held out for validation, in the order of their hashes: a prefix is a fair sample.
    package let heldOut: [Int32]
    /// What was left out on opening.
    package let bad: [BadSample]
    /// Files beside the samples that are neither picture nor sound.
    package let ignoredCount: Int
    package let hasPositives: Bool
    /// Whether a sample has a part that is no text.
    package var hasMedia: Bool { !kinds.isEmpty }
    /// Whether a sample has a hard negative.
    package let hasNegatives: Bool
    /// What the samples are made of beside text.
    package let kinds: MediaKinds
    /// How many queries there are, and how many positives, each counted once.
    package let distinctQueries: Int
    package let distinctPositives: Int
    /// Samples with a teacher vector that has no direction, and the first of them.
    package let zeroTeacherCount: Int
    package let firstZeroTeacher: DataPlace?
    /// Components of a teacher vector; nil without one.
    package let queryTeacherDimensions: Int?
    package let positiveTeacherDimensions: Int?
    /// Tells whether a data set is still the one that a state was made with.
    package let fingerprint: String

    private let storage: Storage
    private let queryTeacher: VectorFile?
    private let positiveTeacher: VectorFile?

    private enum Storage: Sendable {
        case lines(TextRecords)
        case table(TextRecords, TableColumns)
        case folder(FolderIndex)
    }

    /// - Parameters:
    ///   - imageTokens: tokens of a picture, `image.max_patches` of the configuration
    ///   - pool: divides the reading
    package init(_ source: DataSource, imageTokens: Int = 256, pool: WorkerPool) throws(DataError) {
        self.source = source
        let storage: Storage
        var bad: [BadSample] = []
        var ignored = 0
        let count: Int
        switch source.format {
        case .jsonl:
            let records = try TextRecords(path: source.path, quoted: false)
            storage = .lines(records)
            count = records.records.count
        case .tsv, .csv:
            let records = try TextRecords(path: source.path, quoted: source.format == .csv)
            let columns = try TableColumns(source, records)
            storage = .table(records, columns)
            count = columns.records.count
        case .folder:
            let index = try FolderIndex(source)
            storage = .folder(index)
            count = index.items.count
            bad = index.bad
            ignored = index.ignoredCount
        }
        self.storage = storage
        ignoredCount = ignored
        recordCount = count + bad.count
        queryTeacher = try Self.teacher(source.queryTeacher, count: count)
        positiveTeacher = try Self.teacher(source.positiveTeacher, count: count)

        let reader = Reader(
            source: source, storage: storage, queryTeacher: queryTeacher, positiveTeacher: positiveTeacher)
        let inspected = reader.inspectAll(count, imageTokens: imageTokens, pool)
        var shape: Shape?
        var kinds = MediaKinds()
        var hasNegatives = false
        var (queries, positives): (Set<UInt64>, Set<UInt64>) = ([], [])
        var zeroTeachers: (count: Int, first: DataPlace?) = (0, nil)
        var rows: [Row] = []
        for (record, result) in inspected.enumerated() {
            switch result {
            case .success(let found):
                if let reason = found.shape.difference(from: shape ?? found.shape) {
                    bad.append(BadSample(place: reader.place(record), reason: reason))
                } else {
                    shape = found.shape
                    kinds.formUnion(found.kinds)
                    if found.hasNegatives { hasNegatives = true }
                    queries.insert(found.query)
                    positives.insert(found.positive)
                    if found.hasZeroTeacher {
                        zeroTeachers = (zeroTeachers.count + 1, zeroTeachers.first ?? reader.place(record))
                    }
                    rows.append(Row(record: Int32(record), tokens: found.tokens, hash: found.hash))
                }
            case .failure(let error): bad.append(BadSample(place: reader.place(record), reason: error.reason))
            }
        }
        bad.sort { ($0.place.line ?? 0) < ($1.place.line ?? 0) }
        self.bad = bad
        self.rows = rows
        guard let shape else { throw .empty(dataSet: source.name, first: bad.first) }
        let limit = source.tolerated(of: recordCount)
        if bad.count > limit {
            throw .tooManyBad(
                dataSet: source.name, count: bad.count, of: recordCount, limit: limit, first: bad[0])
        }
        hasPositives = shape.hasPositive
        self.kinds = kinds
        self.hasNegatives = hasNegatives
        distinctQueries = queries.count
        distinctPositives = positives.count
        zeroTeacherCount = zeroTeachers.count
        firstZeroTeacher = zeroTeachers.first
        (queryTeacherDimensions, positiveTeacherDimensions) = (shape.queryTeacher, shape.positiveTeacher)
        (training, heldOut) = Self.split(rows, share: source.heldOut)
        fingerprint = Self.fingerprint(source, rows)
    }

    private static func teacher(_ path: String?, count: Int) throws(DataError) -> VectorFile? {
        guard let path else { return nil }
        let file = try VectorFile(path: path)
        guard file.count == count else {
            throw .teacher(path: path, reason: "has \(file.count) vectors for \(count) samples")
        }
        return file
    }

    /// By the hash alone, so that a row stays on its side whatever is added to the data set.
    private static func split(_ rows: [Row], share: Double) -> (training: [Int32], heldOut: [Int32]) {
        let limit = UInt64(share * 0x1p64.nextDown)
        var (training, heldOut): ([Int32], [Int32]) = ([], [])
        for (index, row) in rows.enumerated() {
            if share > 0, row.hash < limit { heldOut.append(Int32(index)) } else { training.append(Int32(index)) }
        }
        heldOut.sort { (rows[Int($0)].hash, $0) < (rows[Int($1)].hash, $1) }
        return (training, heldOut)
    }

    private static func fingerprint(_ source: DataSource, _ rows: [Row]) -> String {
        var hash = ByteHash()
        for template in source.templates { hash.add(template) }
        hash.add(source.swapped ? 1 : 0)
        hash.add(source.heldOut.bitPattern)
        for row in rows {
            hash.add(row.hash)
            hash.add(UInt64(row.tokens))
        }
        return String(hash.value, radix: 16)
    }

    /// The sample of a row.
    ///
    /// - Parameter draw: chooses among several captions or templates
    package func sample(_ row: Int, draw: UInt64 = 0) throws(BadSample) -> Sample {
        let reader = Reader(
            source: source, storage: storage, queryTeacher: queryTeacher, positiveTeacher: positiveTeacher)
        let record = Int(rows[row].record)
        do { return try reader.sample(record, draw: draw) } catch {
            throw BadSample(place: reader.place(record), reason: error.reason)
        }
    }

    /// Pictures and sounds that the samples name, in their order; the same one maybe several times.
    package var mediaPaths: [String] {
        guard hasMedia else { return [] }
        return rows.indices.flatMap { row in
            ((try? sample(row))?.contents ?? []).flatMap(\.parts).compactMap { part in
                if case .file(let path, _) = part { path } else { nil }
            }
        }
    }

    package func place(_ row: Int) -> DataPlace {
        Reader(source: source, storage: storage, queryTeacher: nil, positiveTeacher: nil).place(Int(rows[row].record))
    }
}

// MARK: - Reading

extension BadSample: Error {}

/// What all samples of a data set must have in common.
private struct Shape: Equatable {
    var hasPositive: Bool
    var queryTeacher: Int?
    var positiveTeacher: Int?

    func difference(from first: Shape) -> String? {
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
    private struct Reader {
        let source: DataSource
        let storage: Storage
        let queryTeacher: VectorFile?
        let positiveTeacher: VectorFile?

        struct Found {
            var tokens: Int32
            var hash: UInt64
            /// Of the query and of the positive alone.
            var query: UInt64
            var positive: UInt64
            var kinds: MediaKinds
            var hasNegatives: Bool
            var hasZeroTeacher: Bool
            var shape: Shape
        }

        func place(_ record: Int) -> DataPlace {
            switch storage {
            case .lines(let records): DataPlace(path: source.path, line: records.records[record].line)
            case .table(_, let columns): DataPlace(path: source.path, line: columns.records[record].line)
            case .folder(let index): index.items[record].place
            }
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
                positive: sample.positive.map(hashOf) ?? 0,
                kinds: MediaKinds(sample),
                hasNegatives: !sample.negatives.isEmpty,
                hasZeroTeacher: [sample.queryTeacher, sample.positiveTeacher].contains {
                    $0?.allSatisfy { $0 == 0 } == true
                },
                shape: Shape(
                    hasPositive: sample.positive != nil, queryTeacher: sample.queryTeacher?.count,
                    positiveTeacher: sample.positiveTeacher?.count))
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
                return tokens(of: bytes.count, type, imageTokens)
            case .file(let path, let mimeType):
                let full = path.hasPrefix("/") ? path : "\(source.folder)/\(path)"
                var status = stat()
                guard stat(full, &status) == 0 else { throw Unreadable("\(path): \(String(cString: strerror(errno)))") }
                guard status.st_mode & S_IFMT == S_IFREG else { throw Unreadable("\(path): is not a file") }
                guard status.st_size > 0 else { throw Unreadable("\(path): the file is empty (0 bytes)") }
                let type = mimeType.flatMap(MediaType.init(mimeType:)) ?? MediaType(fileName: path)
                return tokens(of: Int(status.st_size), type, imageTokens)
            }
        }

        private func tokens(of byteCount: Int, _ type: MediaType?, _ imageTokens: Int) -> Int {
            switch type {
            case .image: imageTokens
            // 12.5 patches a second; 16-bit mono at 16 kHz, or about 4 kB/s where compressed.
            case .audio(.wav), .audio(.aiff): byteCount / 2_560
            case .audio(.flac): byteCount / 1_500
            case .audio: byteCount / 300
            // What passes the vision tower: some ten frames, some three pages.
            case .video: 10 * imageTokens
            case .document: 6 * imageTokens
            default: byteCount / 4
            }
        }
    }
}

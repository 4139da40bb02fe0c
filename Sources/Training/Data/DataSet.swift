import Castor
package import CastorNumerics

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
        /// Of the pair.
        package let hash: UInt64
        /// Which side of the split it is on.
        let side: UInt64
    }

    package let source: DataSource
    package var name: String { source.name }
    /// All records, bad ones too, each line of one that spans several by mistake.
    package let recordCount: Int
    package let rows: [Row]
    /// Rows that are trained on, as indexes of `rows`.
    package let training: [Int32]
    /// Rows that are held out for validation, in the order of their hashes: a prefix is a fair sample.
    package let heldOut: [Int32]
    /// What was left out on opening.
    package let bad: [BadSample]
    /// Lines or files that these are.
    package var badCount: Int { bad.reduce(0) { $0 + $1.lines } }
    /// What is no bad sample, and odd.
    package let notes: [String]
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

    /// Of its media, where the split hangs on them.
    let digests: MediaDigests
    private let storage: Storage
    private let queryTeacher: VectorFile?
    private let positiveTeacher: VectorFile?

    enum Storage: Sendable {
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
        var notes: [String] = []
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
            notes = index.notes
        }
        self.storage = storage
        ignoredCount = ignored
        queryTeacher = try Self.teacher(source.queryTeacher, count: count)
        positiveTeacher = try Self.teacher(source.positiveTeacher, count: count)

        let digests = MediaDigests(folder: source.folder)
        self.digests = digests
        var reader = Reader(
            source: source, storage: storage, queryTeacher: queryTeacher, positiveTeacher: positiveTeacher)
        // What is on one side as a whole needs no key, and its media are not read.
        if source.heldOut > 0, source.heldOut < 1 { reader.keys = SplitKeys(digests: digests) }
        let inspected = reader.inspectAll(count, imageTokens: imageTokens, pool)
        var shape: SampleShape?
        var kinds = MediaKinds()
        var hasNegatives = false
        var (queries, positives): (Set<UInt64>, Set<UInt64>) = ([], [])
        var zeroTeachers: (count: Int, first: DataPlace?) = (0, nil)
        var found: [(record: Int, found: Reader.Found)] = []
        for (record, result) in inspected.enumerated() {
            switch result {
            case .success(let sample):
                if let reason = sample.shape.difference(from: shape ?? sample.shape) {
                    bad.append(reader.bad(record, reason))
                } else {
                    shape = sample.shape
                    kinds.formUnion(sample.kinds)
                    if sample.hasNegatives { hasNegatives = true }
                    queries.insert(sample.query)
                    positives.insert(sample.positive)
                    if sample.hasZeroTeacher {
                        zeroTeachers = (zeroTeachers.count + 1, zeroTeachers.first ?? reader.place(record))
                    }
                    found.append((record, sample))
                }
            case .failure(let error): bad.append(reader.bad(record, error.reason))
            }
        }
        let sides =
            reader.keys == nil ? found.map { $0.found.hash } : SplitKeys.chosen(found.compactMap { $0.found.keys })
        let rows = zip(found, sides).map { entry, side in
            Row(record: Int32(entry.record), tokens: entry.found.tokens, hash: entry.found.hash, side: side)
        }
        if let note = reader.longestField(of: rows) { notes.append(note) }
        self.notes = notes
        bad.sort { ($0.place.line ?? 0) < ($1.place.line ?? 0) }
        self.bad = bad
        self.rows = rows
        let badCount = bad.reduce(0) { $0 + $1.lines }
        recordCount = rows.count + badCount
        guard let shape else { throw .empty(dataSet: source.name, first: bad.first) }
        let limit = source.tolerated(of: recordCount)
        if badCount > limit {
            throw .tooManyBad(
                dataSet: source.name, count: badCount, of: recordCount, limit: limit,
                first: bad.max { $0.lines < $1.lines } ?? bad[0])
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

    /// By the key alone, so that a row stays on its side whatever is added to the data set.
    private static func split(_ rows: [Row], share: Double) -> (training: [Int32], heldOut: [Int32]) {
        let limit = UInt64(share * 0x1p64.nextDown)
        var (training, heldOut): ([Int32], [Int32]) = ([], [])
        for (index, row) in rows.enumerated() {
            if share > 0, row.side < limit { heldOut.append(Int32(index)) } else { training.append(Int32(index)) }
        }
        heldOut.sort { (rows[Int($0)].side, $0) < (rows[Int($1)].side, $1) }
        return (training, heldOut)
    }

    private static func fingerprint(_ source: DataSource, _ rows: [Row]) -> String {
        var hash = ByteHash()
        for template in source.templates { hash.add(template) }
        hash.add(source.swapped ? 1 : 0)
        hash.add(source.heldOut.bitPattern)
        for row in rows {
            hash.add(row.hash)
            hash.add(row.side)
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

    /// Whether it is a CSV with semicolons in the place of commas.
    package var isDividedBySemicolons: Bool {
        guard case .table(let records, _) = storage, source.format == .csv else { return false }
        return records.separator == CSVSeparator.semicolon
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

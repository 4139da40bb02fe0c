import CastorNumerics
import Glibc
import Search
import Vectors

/// What a search costs, over vectors that are made here: clustered, with more in their first values than in the others, as Matryoshka models give
/// them. Times, the share of the ten nearest that is found, and memory.
struct SearchTimes {
    private let count: Int
    private let folder: String
    private static let dimensions = 768
    private static let queries = 200
    private static let clusters = 2_000

    /// - Parameter folder: where the index is made, and kept, with `vectors.f32` and `queries.f32` beside it for others to search
    init(count: Int, folder: String) {
        self.count = count
        self.folder = folder
    }

    func print() throws {
        let path = "\(folder)/index-\(count)"
        let identity = ModelIdentity(name: "generated", dimensions: Self.dimensions, sha256: "\(count)")
        if access(path, F_OK) != 0 {
            let time = try Stopwatch.time { try build(path, identity) }
            Swift.print("built in \(Int(time.seconds)) s")
        }
        let pool = WorkerPool(threads: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let reader = try IndexReader(path: path, pool: pool)
        let queries = (0..<Self.queries).map { vector(count + $0 * 7919) }
        let first = try Stopwatch.time { _ = try reader.find(query(queries[0])) }
        Swift.print("first search: \(milliseconds(first.seconds)), resident \(residentMegabytes()) MB")
        for shortlist in [100, 400, 1_000] {
            try measure(queries, "shortlist \(shortlist)", reader) { $0.shortlist = shortlist }
        }
        try measure(queries, "pictures alone", reader) { $0.media = [.image] }
        Swift.print("resident \(residentMegabytes()) MB")
        let wanted = try queries.map { vector in
            var query = query(vector)
            query.isExact = true
            return try Set(reader.find(query).map(\.item))
        }
        for shortlist in [10, 50, 100, 200, 400, 1_000] {
            var found = 0
            for (vector, wanted) in zip(queries, wanted) {
                var query = query(vector)
                query.shortlist = shortlist
                found += try wanted.intersection(reader.find(query).map(\.item)).count
            }
            Swift.print("recall@10 with a shortlist of \(shortlist): \(Double(found) / Double(10 * Self.queries))")
        }
        try measure(Array(queries.prefix(10)), "exact", reader) { $0.isExact = true }
    }

    private func query(_ vector: [Float]) -> SearchQuery {
        var query = SearchQuery(vector)
        query.perFile = 0
        return query
    }

    private func measure(
        _ queries: [[Float]], _ name: String, _ reader: IndexReader, _ change: (inout SearchQuery) -> Void
    ) throws {
        var times: [Double] = []
        for vector in queries {
            var query = query(vector)
            change(&query)
            times.append(try Stopwatch.time { _ = try reader.find(query) }.seconds)
        }
        times.sort()
        Swift.print(
            "\(name): p50 \(milliseconds(times[times.count / 2])), p99 \(milliseconds(times[times.count * 99 / 100]))")
    }

    private func milliseconds(_ seconds: Double) -> String { "\((seconds * 10_000).rounded() / 10) ms" }

    private func residentMegabytes() -> Int {
        var usage = rusage()
        // RUSAGE_SELF, which is imported as another type than is asked for.
        getrusage(0, &usage)
        return usage.ru_maxrss / 1_000
    }

    /// Of unit length; equal for equal numbers.
    private func vector(_ number: Int) -> [Float] {
        var (center, own) = (Numbers(UInt64(number % Self.clusters) &+ 1), Numbers(UInt64(number) &+ 1_000_003))
        var values = (0..<Self.dimensions).map { index in
            (center.next() + 0.7 * own.next()) / (1 + Float(index) / 128)
        }
        let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        for index in values.indices { values[index] /= length }
        return values
    }

    private func build(_ path: String, _ identity: ModelIdentity) throws {
        mkdir(folder, 0o700)
        try write("\(folder)/queries-\(count).f32", (0..<Self.queries).map { count + $0 * 7919 })
        let writer = try IndexWriter(path: path, model: identity)
        let step = 2_000
        for start in stride(from: 0, to: count, by: step) {
            let numbers = Array(start..<min(count, start + step))
            let items = numbers.map { number in
                NewItem(
                    medium: Medium.allCases[number % Medium.allCases.count], place: .whole, snippet: "\(number)",
                    vector: vector(number))
            }
            let file = SourceFile(
                path: RawPath("/generated/\(start)"), version: FileVersion(size: 0, modified: 0, inode: 0))
            try writer.commit([.put(file, items: items)])
            try append("\(folder)/vectors-\(count).f32", items.map(\.vector))
        }
    }

    private func write(_ path: String, _ numbers: [Int]) throws {
        unlink(path)
        try append(path, numbers.map(vector))
    }

    private func append(_ path: String, _ vectors: [[Float]]) throws {
        guard let file = fopen(path, "a") else { return }
        defer { fclose(file) }
        for vector in vectors { fwrite(vector, 4, vector.count, file) }
    }
}

/// Nearly normal numbers, the same every time.
private struct Numbers {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 }

    mutating func next() -> Float {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        z ^= z >> 31
        // Four sixteen-bit numbers: their sum is near enough.
        let sum = (0..<4).reduce(Float(0)) { $0 + Float((z >> (16 * UInt64($1))) & 0xFFFF) }
        return sum / 65_536 - 2
    }
}

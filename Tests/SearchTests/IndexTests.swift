import FoundationEssentials
import Glibc
import Search
import Synchronization
import TestSupport
import Testing
import Vectors

@Suite struct IndexTests {
    @Test func whatIsCommittedIsFound() throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            #expect(throws: SearchError.noIndex(path: path)) { try IndexReader(path: path, pool: pool) }
            let writer = try IndexWriter(path: path, model: smallModel)
            try writer.commit([
                .put(file("/a/one.txt"), items: [item(1), item(2, .text, .lines(3...4))]),
                .put(file("/a/b/two.png", modified: 5_000), items: [item(3, .image)]),
                .put(file("/ab.wav"), items: [item(4, .audio, .seconds(1.5..<2.5))]),
            ])
            let reader = try IndexReader(path: path, pool: pool)
            for number in 1...4 {
                let best = try #require(try reader.find(number).first)
                #expect(best.snippet == "item \(number)" && best.score > 0.999)
            }
            #expect(try reader.find(2)[0].place == .lines(3...4))
            #expect(try reader.find(4)[0].place == .seconds(1.5..<2.5))
            #expect(try reader.find(1).count == 4)
            #expect(try reader.find(1) { $0.isExact = true } == reader.find(1))
            #expect(try reader.find(1) { $0.media = [.audio, .image] }.map(\.medium).allSatisfy { $0 != .text })
            #expect(
                try Set(reader.find(1) { $0.folders = [RawPath("/a")] }.map(\.path.printable)) == [
                    "/a/one.txt", "/a/b/two.png",
                ])
            #expect(try reader.find(1) { $0.folders = [RawPath("/ab.wav"), RawPath("/a/b")] }.count == 2)
            #expect(try reader.find(1) { $0.since = 2_000 }.map(\.path.printable) == ["/a/b/two.png"])
            #expect(try reader.find(1) { $0.threshold = 0.99 }.count == 1)
            #expect(try reader.find(1) { $0.perFile = 1 }.count == 3)
            #expect(try reader.find(1, limit: 2).count == 2)
            let id = try reader.find(3)[0].item
            #expect(try reader.find(3) { $0.excluded = [id] }.contains { $0.item == id } == false)
            expectClose(try reader.vector(ofItem: id), madeVector(3), Tolerance("half precision", 1e-3))
            #expect(throws: SearchError.noItem(99)) { try reader.vector(ofItem: 99) }
            #expect(throws: SearchError.wrongSize(given: 2, wanted: 96)) { try reader.find(SearchQuery([0, 1])) }
            #expect(throws: SearchError.emptyQuery) { try reader.find(SearchQuery(Array(repeating: 0, count: 96))) }
        }
    }

    @Test func changesShowAtOnce() throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            let writer = try IndexWriter(path: path, model: smallModel)
            try writer.commit([.put(file("/a"), items: [item(1)]), .put(file("/b"), items: [item(2)])])
            let reader = try IndexReader(path: path, pool: pool)
            let old = try reader.find(1)[0].item
            try writer.commit([.put(file("/a"), items: [item(3), item(4)])])
            #expect(try reader.find(1).count == 3)
            #expect(try reader.find(1).contains { $0.item == old } == false)
            try writer.commit([.copy(file("/c"), of: 1), .rename(2, file("/d"))])
            #expect(try Set(reader.find(3).map(\.path.printable)) == ["/a", "/c", "/d"])
            try writer.commit([.remove(1)])
            #expect(try Set(reader.find(3).map(\.path.printable)) == ["/c", "/d"])
            let before = try contents(path)
            #expect(try writer.compact(always: true) == 3)
            #expect(try contents(path) == before)
            #expect(try reader.find(4)[0].snippet == "item 4")
            #expect(try writer.compact(always: true) == 0)
        }
    }

    /// The folder as it is at each step, as a power cut would leave it, opens as it was before the commit or after it.
    @Test(arguments: IndexStep.allCases) func aStopAnywhereLeavesAWholeIndex(_ step: IndexStep) throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            var isArmed = false
            var options = IndexWriter.Options()
            options.atStep = { reached in
                guard isArmed, reached == step else { return }
                isArmed = false
                try copyFolder(path, to: "\(folder)/stopped")
            }
            let writer = try IndexWriter(path: path, model: smallModel, options: options)
            try writer.commit((0..<20).map { .put(file("/\($0)"), items: [item($0), item($0 + 100)]) })
            let before = try contents(path)
            isArmed = true
            try writer.commit([
                .put(file("/3"), items: [item(200)]), .remove(5), .copy(file("/x"), of: 7), .rename(9, file("/y")),
                .put(file("/new"), items: [item(300), item(301)]),
            ])
            let after = try contents(path)
            try writer.compact(always: true)
            #expect(try contents(path) == after)
            #expect(!isArmed, "\(step) was not reached")
            let stopped = "\(folder)/stopped"
            let isEarly = [.rowsWritten, .rowsSynced].contains(step)
            #expect(try contents(stopped) == (isEarly ? before : after))
            // Whoever goes on from there comes to the same.
            let again = try IndexWriter(path: stopped, model: smallModel)
            #expect(try contents(stopped) == (isEarly ? before : after))
            try again.commit([.put(file("/last"), items: [item(400)])])
            try again.compact(always: true)
            let reader = try IndexReader(path: stopped, pool: pool)
            #expect(try reader.find(400)[0].snippet == "item 400")
            #expect(try reader.find(200)[0].snippet == (isEarly ? "item 3" : "item 200") || isEarly)
            let rows = try FileManager.default.contentsOfDirectory(atPath: stopped).filter { $0.hasSuffix(".rows") }
            #expect(rows.count == 4, "\(rows)")
        }
    }

    /// Readers see all of a commit or nothing of it, also while rows are compacted away.
    @Test func readersSeeWholeCommits() throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            let writer = try IndexWriter(path: path, model: smallModel)
            try writer.commit([.put(file("/pair"), items: [item(0, .text, .page(1)), item(1, .text, .page(1))])])
            let reader = try IndexReader(path: path, pool: pool)
            let isDone = Mutex(false)
            let problems = Mutex<[String]>([])
            let looks = Mutex(0)
            let thread = Thread {
                while !isDone.withLock({ $0 }) {
                    do {
                        let hits = try reader.find(0, limit: 1_000) { $0.folders = [RawPath("/pair")] }
                        looks.withLock { $0 += 1 }
                        if hits.count != 2 || hits[0].place != hits[1].place {
                            problems.withLock { $0.append("\(hits.map { "\($0.place) \($0.snippet)" })") }
                        }
                    } catch { problems.withLock { $0.append("\(error)") } }
                }
            }
            for round in 2..<60 {
                try writer.commit([
                    .put(file("/pair"), items: [item(round, .text, .page(round)), item(-round, .text, .page(round))]),
                    .put(file("/other\(round)"), items: [item(round + 1_000)]),
                ])
                if round % 5 == 0 { try writer.compact(always: true) }
            }
            isDone.withLock { $0 = true }
            thread.join()
            #expect(problems.withLock { $0 } == [])
            #expect(try reader.find(59, limit: 100).count == 60)
        }
    }

    @Test func oneWriter() throws {
        try Folders.withTemporary { folder in
            let writer = try IndexWriter(path: "\(folder)/index", model: smallModel)
            #expect(throws: SearchError.inUse(path: "\(folder)/index")) {
                try IndexWriter(path: "\(folder)/index", model: smallModel)
            }
            writer.close()
            _ = try IndexWriter(path: "\(folder)/index", model: smallModel)
        }
    }

    @Test func anotherModelIsRefused() throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            try IndexWriter(path: path, model: smallModel).commit([.put(file("/a"), items: [item(1)])])
            let other = ModelIdentity(name: "other", dimensions: 96, sha256: "fedcba9876543210")
            let error = #expect(throws: SearchError.self) { try IndexWriter(path: path, model: other) }
            #expect(error?.description.contains("castor index --rebuild") == true)
            try IndexWriter.clear(path: path)
            let writer = try IndexWriter(path: path, model: other)
            let takesCaptions = try writer.takesCaptions
            #expect(try writer.roots().isEmpty && !takesCaptions)
        }
    }
}

/// A thread that can be waited for.
final class Thread {
    private var thread = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) {
        final class Box {
            let body: @Sendable () -> Void; init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let argument = Unmanaged.passRetained(Box(body)).toOpaque()
        pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, argument)
    }

    func join() { pthread_join(thread, nil) }
}

extension IndexTests {
    /// By fewer values of every vector, as a store would find that keeps no more: from the first look and exactly the same.
    @Test(arguments: [1, 8, 64, 95, 96])
    func fewerValuesOfEachVector(_ size: Int) throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            var options = IndexWriter.Options()
            options.shortSize = 64
            options.precision = .single
            let writer = try IndexWriter(path: path, model: smallModel, options: options)
            try writer.commit((1...200).map { .put(file("/\($0)"), items: [item($0)]) })
            let reader = try IndexReader(path: path, pool: pool)
            func unit(_ number: Int) -> [Float] {
                let prefix = madeVector(number).prefix(size)
                let length = prefix.reduce(0) { $0 + $1 * $1 }.squareRoot()
                return prefix.map { $0 / length }
            }
            let query = unit(7)
            let wanted = (1...200).map { number in (number, zip(query, unit(number)).reduce(0) { $0 + $1.0 * $1.1 }) }
                .sorted { $0.1 > $1.1 }.prefix(5)
            for isExact in [false, true] {
                let found = try reader.find(7, limit: 5) {
                    $0.dimensions = size
                    $0.isExact = isExact
                    // All of them: what one value tells apart is not told apart by eight bits.
                    $0.shortlist = 200
                }
                for (hit, (_, score)) in zip(found, wanted) { #expect(abs(hit.score - score) < 1e-5) }
                if size > 1 { #expect(found.map(\.snippet) == wanted.map { "item \($0.0)" }) }
            }
            #expect(try reader.find(7) { $0.dimensions = 1_000 } == reader.find(7))
        }
    }

    @Test func oneItemAndItsFile() throws {
        try Folders.withTemporary { folder in
            let writer = try IndexWriter(path: "\(folder)/index", model: smallModel)
            try writer.commit([.put(file("\(folder)/gone.txt"), items: [item(1, .text, .lines(1...2))])])
            let reader = try IndexReader(path: "\(folder)/index", pool: pool)
            let id = try reader.find(1)[0].item
            let hit = try reader.item(id)
            #expect(hit.kind == "text/plain" && hit.place == .lines(1...2) && hit.snippet == "item 1")
            #expect(throws: SearchError.noItem(id + 1)) { try reader.item(id + 1) }
            #expect(throws: SearchError.notFound(path: "\(folder)/gone.txt")) { try IndexedFile(hit) }
            try Folders.write([1], "\(folder)/gone.txt")
            #expect(throws: SearchError.changed(path: "\(folder)/gone.txt")) { try IndexedFile(hit) }
        }
    }

    @Test func aMapOfMoreItemsThanItShows() throws {
        try Folders.withTemporary { folder in
            let writer = try IndexWriter(path: "\(folder)/index", model: smallModel)
            try writer.commit([.put(file("/a"), items: (1...100).map { item($0) })])
            let reader = try IndexReader(path: "\(folder)/index", pool: pool)
            let commit = try reader.commit
            for limit in [1, 7, 33, 99, 100, 1_000] {
                let map = try reader.map(limit: limit)
                #expect(map.total == 100 && map.points.count == min(limit, 100))
                #expect(Set(map.points.map(\.item)).count == map.points.count)
            }
            try writer.commit([.put(file("/b"), items: [item(101)])])
            #expect(try reader.commit != commit && reader.map().points.count == 101)
        }
    }
}

extension IndexTests {
    /// What is left out, for its file has its share or because it is asked from, makes room for others, also where all rows are on the shortlist.
    @Test func whatIsLeftOutMakesRoom() throws {
        try Folders.withTemporary { folder in
            let writer = try IndexWriter(path: "\(folder)/index", model: smallModel)
            // Of one file, all near to what is looked for; of the others, none.
            let near = (0..<20).map { number in
                var vector = QueryVector()
                vector.add(madeVector(1))
                vector.add(madeVector(100 + number), weight: 0.1)
                return NewItem(medium: .text, place: .whole, snippet: "near", vector: try! vector.unit())
            }
            try writer.commit([.put(file("/near"), items: near)])
            try writer.commit((2..<9).map { .put(file("/\($0)"), items: [item($0)]) })
            let reader = try IndexReader(path: "\(folder)/index", pool: pool)
            for isExact in [false, true] {
                let found = try reader.find(1, limit: 5) {
                    $0.perFile = 1
                    $0.isExact = isExact
                }
                #expect(found.count == 5 && Set(found.map(\.path)).count == 5)
            }
            let first = try reader.find(1, limit: 3)
            let others = try reader.find(1, limit: 3) { $0.excluded = Set(first.map(\.item)) }
            #expect(others.count == 3 && Set(others.map(\.item)).isDisjoint(with: first.map(\.item)))
        }
    }

    /// Some media, asked for before and after commits and removals.
    @Test func someMediaOfEachCommit() throws {
        try Folders.withTemporary { folder in
            let writer = try IndexWriter(path: "\(folder)/index", model: smallModel)
            let reader = { try IndexReader(path: "\(folder)/index", pool: pool) }
            try writer.commit([.put(file("/first"), items: [item(1, .text), item(2, .image), item(3, .video)])])
            let old = try reader()
            func found(_ reader: IndexReader, _ media: Set<Medium>) throws -> Set<String> {
                try Set(reader.find(1, limit: 1_000) { $0.media = media }.map(\.snippet))
            }
            #expect(try found(old, [.image]) == ["item 2"] && found(old, [.text, .video]) == ["item 1", "item 3"])
            #expect(try found(old, []).isEmpty && found(old, [.audio]).isEmpty)
            // More than one word of bits, and rows that are gone.
            try writer.commit([.put(file("/more"), items: (10..<150).map { item($0, $0 % 2 == 0 ? .image : .audio) })])
            #expect(try found(old, [.image]).count == 71 && found(old, [.audio]).count == 70)
            #expect(try writer.remove([RawPath("/first")]).count == 1)
            for one in [old, try reader()] {
                #expect(try found(one, [.image]).count == 70 && found(one, [.text, .video]).isEmpty)
            }
        }
    }
}

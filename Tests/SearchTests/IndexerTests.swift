import Castor
import FoundationEssentials
import Glibc
import Search
import TestSupport
import Testing

/// Folders into an index, with castor-nano.
@Suite struct IndexerTests {
    private static let embedder = try! Embedder(modelPath: Folders.nano)
    private static let identity = try! ModelIdentity(embedder)

    private func index(
        _ folder: String, into path: String, _ change: (inout Indexer.Options) -> Void = { _ in }
    ) throws -> IndexSummary {
        let writer = try IndexWriter(path: path, model: Self.identity)
        defer { writer.close() }
        var options = Indexer.Options()
        change(&options)
        return try Indexer(Self.embedder, writer, options: options).run(roots: [try #require(RawPath(folder).resolved)])
    }

    /// A file that was last changed long ago.
    private func write(_ text: String, _ path: String, age: Int = 1_000) throws {
        let parent = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try Folders.write(Array(text.utf8), path)
        makeOld(path, age)
    }

    private func makeOld(_ path: String, _ age: Int = 1_000) {
        var times = [timeval(tv_sec: time(nil) - age, tv_usec: 0), timeval(tv_sec: time(nil) - age, tv_usec: 0)]
        utimes(path, &times)
    }

    private func copyMedia(_ names: [String], to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in names {
            try FileManager.default.copyItem(atPath: "\(Folders.fixtures)/media/\(name)", toPath: "\(folder)/\(name)")
            makeOld("\(folder)/\(name)")
        }
    }

    @Test func everyMedium() throws {
        try Folders.withTemporary { folder in
            let files = "\(folder)/files"
            try copyMedia(["scene.jpg", "scene.heic", "chirp-16k.wav", "clip.mp4", "music.opus"], to: files)
            try write("a sentence", "\(files)/note.txt")
            try write("PK\u{3}\u{4}", "\(files)/some.zip")
            try write("", "\(files)/empty.md")
            // Bytes tell what it is.
            try FileManager.default.copyItem(atPath: "\(files)/scene.jpg", toPath: "\(files)/photo.txt")
            let summary = try index(files, into: "\(folder)/index")
            #expect(summary.added + summary.copied == 7)
            #expect(summary.problems == [.unrecognised: 1, .empty: 1])
            let reader = try IndexReader(path: "\(folder)/index", pool: pool)
            let statistics = try reader.statistics()
            #expect(statistics.items[.image] == 3 && statistics.items[.text] == 1 && statistics.items[.audio] == 2)
            #expect((statistics.items[.video] ?? 0) >= 1)
            let query = try Self.embedder.embed(Content([.file("\(files)/scene.jpg")]), options: Self.anyFile).values
            let best = try reader.find(SearchQuery(query))
            #expect(best[0].medium == .image && best[0].score > 0.999)
        }
    }

    private static let anyFile: EmbedOptions = {
        var options = EmbedOptions()
        options.files = .relative(to: "/")
        return options
    }()

    @Test func whatIsDoneAgain() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            for number in 0..<5 { try write("text number \(number)", "\(files)/\(number).txt") }
            #expect(try index(files, into: path).added == 5)
            var summary = try index(files, into: path)
            #expect(summary.unchanged == 5 && summary.items == 0)
            rename("\(files)/0.txt", "\(files)/zero.txt")
            try write("text number 1", "\(files)/copy/one.txt")
            try write("another text", "\(files)/2.txt", age: 500)
            makeOld("\(files)/3.txt", 300)
            unlink("\(files)/4.txt")
            summary = try index(files, into: path)
            #expect(summary.moved == 2 && summary.copied == 1 && summary.changed == 1 && summary.removed == 1)
            #expect(summary.unchanged == 1 && summary.items == 1)
            let inPeace = "\(folder)/other"
            _ = try index(files, into: inPeace)
            #expect(try contents(path) == contents(inPeace))
            #expect(try index(files, into: path).unchanged == 5)
        }
    }

    /// A file that has just been written may be written again within the same tick of the clock: then it is read, and not embedded again.
    @Test func youngFilesAreReadAgain() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try write("text", "\(files)/a.txt", age: -10)
            #expect(try index(files, into: path).added == 1)
            let summary = try index(files, into: path)
            #expect(summary.unchanged == 1 && summary.items == 0 && !summary.isChange)
        }
    }

    @Test func longFilesAreIndexedWhole() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            let text = (0..<400).map { "Paragraph \($0) of a long text, which goes on for a while." }.joined(
                separator: "\n\n")
            try write(text, "\(files)/long.txt")
            try copyMedia(["long.flac"], to: files)
            let summary = try index(files, into: path) { options in
                options.pieces.text.bytes = 120
                (options.pieces.windowSeconds, options.pieces.overlapSeconds) = (1, 0.2)
            }
            #expect(summary.items > 400 && summary.problems.isEmpty)
            let reader = try IndexReader(path: path, pool: pool)
            var places: [Place] = []
            try reader.forEachItem { hit, _ in if hit.medium == .text { places.append(hit.place) } }
            guard case .lines(let last) = places.last else {
                Issue.record("\(places.count) places")
                return
            }
            #expect(last.upperBound == 799)
        }
    }

    /// Of two files of equal bytes one changes in the same run.
    @Test func aTwinThatChanges() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try write("the same", "\(files)/a.txt")
            _ = try index(files, into: path)
            try write("others", "\(files)/a.txt", age: 500)
            try write("the same", "\(files)/b.txt")
            let summary = try index(files, into: path)
            #expect(summary.changed == 1 && summary.added == 1 && summary.items == 2)
            #expect(try contents(path).count == 2)
        }
    }

    /// Old files: the letters of Western Europe in a byte each. What else has high bytes is no text.
    @Test func textsOfOneByteALetter() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try write("x", "\(files)/x.txt")
            try Folders.write(
                Array("Caf".utf8) + [0xE9] + Array(" costs 3 ".utf8) + [0x80, 0x92], "\(files)/old.txt")
            try Folders.write((0..<200).map { UInt8(128 + $0 % 128) }, "\(files)/high.txt")
            try Folders.write(Array("A zero".utf8) + [0, 0xE9], "\(files)/zero.txt")
            #expect(try index(files, into: path).problems == [.unrecognised: 2])
            #expect(try contents(path).contains { $0.contains("Café costs 3 €’") })
            // As long as nothing changes, as many are told of.
            #expect(try index(files, into: path).problems == [.unrecognised: 2])
        }
    }

    /// One root that cannot be looked at keeps no other one waiting, and nothing of it is forgotten. The index's own folder is none of its files.
    @Test func aRootThatCannotBeLookedAt() throws {
        try Folders.withTemporary { folder in
            let (one, two, path) = ("\(folder)/one", "\(folder)/two", "\(folder)/two/index")
            try write("first", "\(one)/a.txt")
            try write("second", "\(two)/b.txt")
            let writer = try IndexWriter(path: path, model: Self.identity)
            let roots = [RawPath(one).absolute, RawPath(two).absolute]
            #expect(try Indexer(Self.embedder, writer).run(roots: roots).added == 2)
            try FileManager.default.moveItem(atPath: one, toPath: "\(folder)/aside")
            try FileManager.default.createSymbolicLink(atPath: one, withDestinationPath: one)
            try write("third", "\(two)/c.txt")
            let summary = try Indexer(Self.embedder, writer).run(roots: roots)
            #expect(summary.added == 1 && summary.removed == 0 && summary.problems == [.unreadable: 1])
            unlink(one)
            try FileManager.default.moveItem(atPath: "\(folder)/aside", toPath: one)
            let after = try Indexer(Self.embedder, writer).run(roots: roots)
            #expect(after.unchanged == 3 && after.problems == [:])
        }
    }

    /// A folder with nothing in it may be a disk that is not there.
    @Test func anEmptyRootForgetsNothing() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            for number in 0..<3 { try write("text number \(number)", "\(files)/\(number).txt") }
            _ = try index(files, into: path)
            for number in 0..<3 { unlink("\(files)/\(number).txt") }
            let summary = try index(files, into: path)
            #expect(summary.removed == 0 && summary.emptyRoots.count == 1)
            #expect(try contents(path).count == 3)
            let writer = try IndexWriter(path: path, model: Self.identity)
            #expect(try writer.remove([try #require(RawPath(files).resolved)]).count == 3)
            #expect(try contents(path) == [])
        }
    }

    /// Stopped after any group or at any step of any commit, and gone on from: the index of a run in peace.
    @Test func stopsAndKills() throws {
        try Folders.withTemporary { folder in
            let files = "\(folder)/files"
            for number in 0..<40 {
                try write(
                    "text number \(number), " + String(repeating: "and more ", count: number), "\(files)/\(number).txt")
            }
            _ = try index(files, into: "\(folder)/peace")
            let expected = try contents("\(folder)/peace")
            for step in IndexStep.allCases.prefix(3) {
                let path = "\(folder)/\(step)"
                var options = IndexWriter.Options()
                options.atStep = { if $0 == step { try copyFolder(path, to: "\(path)-killed") } }
                let writer = try IndexWriter(path: path, model: Self.identity, options: options)
                _ = try Indexer(Self.embedder, writer).run(roots: [try #require(RawPath(files).resolved)])
                writer.close()
                let again = try index(files, into: "\(path)-killed")
                #expect(again.items == (step == .committed ? 0 : 40))
                #expect(try contents("\(path)-killed") == expected)
            }
            let stopped = try index(files, into: "\(folder)/stopped") { $0.isStopped = { true } }
            #expect(stopped.isStopped)
            _ = try index(files, into: "\(folder)/stopped")
            #expect(try contents("\(folder)/stopped") == expected)
        }
    }
}

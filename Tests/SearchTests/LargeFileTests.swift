import Castor
import FoundationEssentials
import Glibc
import Search
import TestSupport
import Testing

/// Files that are not in memory as a whole.
@Suite struct LargeFileTests {
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

    /// Mapped or read, a stretch at a time or whole: the same items.
    @Test func howTheyAreReadIsNoMatter() throws {
        try Folders.withTemporary { folder in
            let files = "\(folder)/files"
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            for name in ["long.flac", "music.ogg", "clip.mp4", "scene.jpg", "two-pages.pdf"] {
                try FileManager.default.copyItem(
                    atPath: "\(Folders.fixtures)/media/\(name)", toPath: "\(files)/\(name)")
            }
            try Folders.write(Array("a text".utf8), "\(files)/note.txt")
            #expect(try index(files, into: "\(folder)/read").problems.isEmpty)
            #expect(try index(files, into: "\(folder)/mapped") { $0.pieces.maxReadBytes = 0 }.problems.isEmpty)
            #expect(try contents("\(folder)/mapped") == contents("\(folder)/read"))
            // long.flac has 180 s: eleven windows, in stretches of 50 s.
            _ = try index(files, into: "\(folder)/stretches") { $0.pieces.soundStretchSeconds = 50 }
            let (whole, stretches) = (try items("\(folder)/read"), try items("\(folder)/stretches"))
            #expect(whole.keys.count { $0.hasPrefix("long.flac") } == 11)
            #expect(Set(whole.keys) == Set(stretches.keys))
            for (key, vector) in whole {
                let dot = zip(vector, stretches[key] ?? []).reduce(0) { $0 + $1.0 * $1.1 }
                #expect(dot > 0.999, "\(key) \(dot)")
            }
        }
    }

    private func items(_ path: String) throws -> [String: [Float]] {
        var items: [String: [Float]] = [:]
        try IndexReader(path: path, pool: pool).forEachItem { hit, vector in
            items["\(String(decoding: hit.path.name, as: UTF8.self)) \(hit.medium) \(hit.place) \(hit.snippet)"] =
                vector
        }
        return items
    }

    /// Whoever cuts a file that is mapped gives zeros to who reads it, and ends nothing.
    @Test func aFileThatIsCut() throws {
        try Folders.withTemporary { folder in
            let (path, size) = ("\(folder)/file", 1 << 20)
            try Folders.write([UInt8](repeating: 7, count: size), path)
            let descriptor = open(path, O_RDONLY)
            defer { close(descriptor) }
            let file = try #require(LargeFile(descriptor, size: size))
            #expect(file.bytes.array.allSatisfy { $0 == 7 } && !file.isCut)
            truncate(path, 300_000)
            let bytes = file.bytes.array
            // To the end of the page in which the file ends, which has zeros.
            #expect(bytes[..<300_000].allSatisfy { $0 == 7 } && bytes[300_000...].allSatisfy { $0 == 0 })
            #expect(file.isCut)
            // Others are not touched by it.
            let other = try #require(LargeFile(descriptor, size: 300_000))
            #expect(other.bytes.array.allSatisfy { $0 == 7 } && !other.isCut)
        }
    }

    /// Texts, pictures and documents are in memory as a whole, and so are not if they are too large; sounds and films are.
    @Test func whatIsTooLarge() throws {
        try Folders.withTemporary { folder in
            let files = "\(folder)/files"
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            for name in ["music.ogg", "clip.mp4", "scene.jpg", "two-pages.pdf"] {
                try FileManager.default.copyItem(
                    atPath: "\(Folders.fixtures)/media/\(name)", toPath: "\(files)/\(name)")
            }
            try Folders.write(Array("a text".utf8), "\(files)/note.txt")
            // Of no size would it be one.
            try Folders.write([UInt8](repeating: 0, count: 100), "\(files)/disk.img")
            let summary = try index(files, into: "\(folder)/index") { $0.pieces.maxWholeBytes = 3 }
            #expect(summary.problems == [.tooLarge: 3, .unrecognised: 1])
            // What is left out is not counted as new.
            #expect(summary.added == 2)
            let media = try IndexReader(path: "\(folder)/index", pool: pool).statistics().items
            #expect(Set(media.keys) == [.audio, .video])
        }
    }

    /// A file that changes while its pieces are embedded is told of, and looked into again.
    @Test func aFileThatChangesMeanwhile() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            let file = "\(files)/long.flac"
            try FileManager.default.copyItem(atPath: "\(Folders.fixtures)/media/long.flac", toPath: file)
            var asked = 0
            let summary = try index(files, into: path) { options in
                options.pieces.maxReadBytes = 0
                (options.pieces.windowSeconds, options.pieces.overlapSeconds) = (1, 0.2)
                options.isStopped = {
                    asked += 1
                    // When its pieces are being made.
                    if asked == 4 { truncate(file, 100_000) }
                    return false
                }
            }
            #expect(asked >= 4 && summary.problems == [.changing: 1], "\(asked) \(summary.problems)")
            // What was read then is of neither, whatever its digest says: with its bytes back it is embedded anew.
            unlink(file)
            try FileManager.default.copyItem(atPath: "\(Folders.fixtures)/media/long.flac", toPath: file)
            try FileManager.default.copyItem(atPath: file, toPath: "\(files)/copy.flac")
            let again = try index(files, into: path)
            #expect(again.unchanged == 0 && again.items == 22, "\(again)")
            _ = try index(files, into: "\(folder)/fresh")
            #expect(try contents(path) == contents("\(folder)/fresh"))
            #expect(try IndexReader(path: path, pool: pool).statistics().problems.isEmpty)
        }
    }

    /// One that is deleted meanwhile leaves nothing.
    @Test func aFileThatGoesMeanwhile() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            let file = "\(files)/long.flac"
            try FileManager.default.copyItem(atPath: "\(Folders.fixtures)/media/long.flac", toPath: file)
            var asked = 0
            let summary = try index(files, into: path) { options in
                options.pieces.maxReadBytes = 0
                (options.pieces.windowSeconds, options.pieces.overlapSeconds) = (1, 0.2)
                options.isStopped = {
                    asked += 1
                    if asked == 4 { unlink(file) }
                    return false
                }
            }
            #expect(asked >= 4 && summary.problems.isEmpty && summary.added == 0, "\(asked) \(summary)")
            #expect(try contents(path).isEmpty)
        }
    }

    /// Characters may be as long as somebody likes.
    @Test func whatIsShownOfATextIsShort() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            let letter = "a" + String(repeating: "\u{301}", count: 5_000)
            let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}"
            try Folders.write(Array("\(family) \(letter) \(letter)".utf8), "\(files)/a.txt")
            _ = try index(files, into: path)
            var snippets: [String] = []
            try IndexReader(path: path, pool: pool).forEachItem { hit, _ in snippets.append(hit.snippet) }
            #expect(
                snippets.contains { $0.contains(family) } && snippets.contains { $0.unicodeScalars.contains("\u{301}") }
            )
            #expect(snippets.allSatisfy { $0.utf8.count < 200 })
        }
    }
}

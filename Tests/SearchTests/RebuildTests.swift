import FoundationEssentials
import Glibc
import Search
import TestSupport
import Testing

/// Indexes that are made anew.
@Suite struct RebuildTests {
    /// What an index was asked for outlives it, wherever the program that makes it anew is ended.
    @Test func whatWasAskedForIsKept() throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            let asked = [RawPath("/a"), RawPath(bytes: [47, 0xFF, 10, 32])]
            let writer = try IndexWriter(path: path, model: smallModel)
            try writer.remember(roots: asked)
            try writer.remember(takesCaptions: true)
            try writer.commit([.put(file("/a/1"), items: [item(1)])])
            writer.close()
            struct Ended: Error {}
            let other = ModelIdentity(name: "other", dimensions: 96, sha256: "fedcba9876543210")
            // As often as there are files to remove, and once more when all are gone.
            var steps = 0
            while true {
                let copy = "\(path)-\(steps)"
                try copyFolder(path, to: copy)
                var left = steps
                let isWhole =
                    (try? IndexWriter.clear(path: copy) { _ in
                        if left == 0 { throw Ended() }
                        left -= 1
                    }) != nil
                // The next one begins again, and then makes another.
                try IndexWriter.clear(path: copy)
                let next = try IndexWriter(path: copy, model: other)
                #expect(try next.roots() == asked.sorted(), "\(steps)")
                #expect(try next.takesCaptions)
                #expect(next.rowCount == 0)
                next.close()
                #expect(access("\(copy)/rebuild", F_OK) != 0)
                // And it does not come back.
                let again = try IndexWriter(path: copy, model: other)
                _ = try again.remove(asked)
                again.close()
                #expect(try IndexWriter(path: copy, model: other).roots().isEmpty)
                if isWhole { break }
                steps += 1
            }
            #expect(steps >= 6)
        }
    }

    /// What is no request is none, whatever its name.
    @Test func aFolderIsNoRequest() throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            let writer = try IndexWriter(path: path, model: smallModel)
            try writer.commit([.put(file("/a/1"), items: [item(1)])])
            writer.close()
            // A catalogue that was closed is one file.
            let log = "\(path)/catalogue.sqlite-wal"
            #expect(try access(log, F_OK) != 0 || Folders.read(log).isEmpty)
            try FileManager.default.createDirectory(atPath: "\(path)/rebuild", withIntermediateDirectories: false)
            try IndexWriter(path: path, model: smallModel).close()
            try Folders.write(Array("no database".utf8), "\(path)/catalogue.sqlite")
            #expect {
                try IndexWriter(path: path, model: smallModel)
            } throws: { error in
                if case .damaged = error as? SearchError { true } else { false }
            }
            #expect {
                try IndexReader(path: path, pool: pool)
            } throws: { error in
                if case .damaged = error as? SearchError { true } else { false }
            }
        }
    }

    /// Amid that, and where it was ended, those who search are told so, and what writes next finishes it; it is never called damaged.
    @Test func whileItIsMadeAnew() throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            let writer = try IndexWriter(path: path, model: smallModel)
            try writer.remember(roots: [RawPath("/a")])
            try writer.commit([.put(file("/a/1"), items: [item(1)])])
            writer.close()
            struct Ended: Error {}
            var (steps, emptied) = (0, 0)
            while true {
                let copy = "\(path)-\(steps)"
                try copyFolder(path, to: copy)
                var left = steps
                let isWhole =
                    (try? IndexWriter.clear(path: copy) { _ in
                        if left == 0 { throw Ended() }
                        left -= 1
                    }) != nil
                do {
                    // Until one of its files is missed, the old one answers.
                    #expect(try IndexReader(path: copy, pool: pool).find(1).count == 1)
                } catch {
                    #expect(error as? SearchError == .emptied(path: copy), "\(steps): \(error)")
                    emptied += 1
                }
                try Folders.write([1], "\(copy)/rebuild.new")
                let next = try IndexWriter(path: copy, model: smallModel)
                #expect(try next.roots() == [RawPath("/a")])
                #expect(next.rowCount == 0)
                next.close()
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: copy).filter { $0.hasPrefix("rebuild") } == [])
                if isWhole { break }
                steps += 1
            }
            #expect(steps >= 6 && emptied >= 5)
            // A file of that name that is none of these is nothing to go on with.
            try Folders.write([1, 2], "\(path)/rebuild")
            let next = try IndexWriter(path: path, model: smallModel)
            #expect(next.rowCount == 1 && access("\(path)/rebuild", F_OK) != 0)
        }
    }

    /// What was asked for together with making it anew.
    @Test func whatIsAskedForNowIsKeptToo() throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            let writer = try IndexWriter(path: path, model: smallModel)
            try writer.remember(roots: [RawPath("/a")])
            writer.close()
            try? IndexWriter.clear(path: path, roots: [RawPath("/b")], takesCaptions: true) { _ in
                throw SearchError.emptyQuery
            }
            let next = try IndexWriter(path: path, model: smallModel)
            let takesCaptions = try next.takesCaptions
            #expect(try next.roots() == [RawPath("/a"), RawPath("/b")] && takesCaptions)
        }
    }

    /// The same where the catalogue itself can no longer be read.
    @Test func whatWasAskedForOfADamagedIndex() throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            let writer = try IndexWriter(path: path, model: smallModel)
            try writer.remember(roots: [RawPath("/a")])
            writer.close()
            try? IndexWriter.clear(path: path) { _ in throw SearchError.emptyQuery }
            try Folders.write([1, 2, 3], "\(path)/catalogue.sqlite")
            try IndexWriter.clear(path: path)
            #expect(try IndexWriter(path: path, model: smallModel).roots() == [RawPath("/a")])
        }
    }
}

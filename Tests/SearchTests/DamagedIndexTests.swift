import FoundationEssentials
import GRDB
import Glibc
import Search
import TestSupport
import Testing
import Vectors

/// Damage is an error with the file's name, never a crash.
@Suite struct DamagedIndexTests {
    private func withIndex(_ body: (_ path: String) throws -> Void) throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/index"
            let writer = try IndexWriter(path: path, model: smallModel)
            try writer.commit((0..<200).map { .put(file("/\($0)"), items: [item($0)]) })
            writer.close()
            try body(path)
        }
    }

    private func expectDamage(_ path: String, naming name: String, writerToo: Bool = true) {
        let reading = #expect(throws: SearchError.self) { try IndexReader(path: path, pool: pool).find(1) }
        #expect(reading?.description.contains(name) == true, "\(String(describing: reading))")
        guard writerToo else { return }
        let writing = #expect(throws: SearchError.self) { try IndexWriter(path: path, model: smallModel) }
        #expect(writing?.description.contains(name) == true, "\(String(describing: writing))")
    }

    @Test(arguments: ["full-0.rows", "short-0.rows", "scales-0.rows", "labels-0.rows"], [0, 1, 100])
    func filesThatWereCut(_ name: String, _ size: Int) throws {
        try withIndex { path in
            #expect(truncate("\(path)/\(name)", off_t(size)) == 0)
            expectDamage(path, naming: name)
        }
    }

    @Test func filesThatAreGone() throws {
        try withIndex { path in
            unlink("\(path)/short-0.rows")
            expectDamage(path, naming: ".rows")
        }
    }

    @Test func aCatalogueOfOtherBytes() throws {
        try withIndex { path in
            try Folders.write(Array("no catalogue, but long enough to be looked at".utf8), "\(path)/catalogue.sqlite")
            // Of what is in the log, SQLite makes the file whole again.
            for log in ["-wal", "-shm"] { unlink("\(path)/catalogue.sqlite\(log)") }
            expectDamage(path, naming: path)
        }
        try withIndex { path in
            try Folders.write([], "\(path)/catalogue.sqlite")
            for log in ["-wal", "-shm"] { unlink("\(path)/catalogue.sqlite\(log)") }
            #expect(throws: SearchError.self) { try IndexReader(path: path, pool: pool).find(1) }
        }
    }

    @Test func sourcesOfOtherNumbers() throws {
        for number in ["-7", "1 << 40"] {
            try withIndex { path in
                let database = try DatabaseQueue(path: "\(path)/catalogue.sqlite")
                try database.write { db in
                    try db.execute(sql: "PRAGMA defer_foreign_keys = ON")
                    try db.execute(sql: "UPDATE item SET source = \(number) WHERE source = 1")
                    try db.execute(sql: "UPDATE source SET id = \(number) WHERE id = 1")
                }
                try database.close()
                let error = #expect(throws: SearchError.self) {
                    try IndexReader(path: path, pool: pool).find(1) { $0.folders = [RawPath("/1")] }
                }
                #expect(error?.description.contains("a source of number") == true, "\(number)")
            }
        }
    }

    /// Vectors of other bytes are told, labels of other bytes lead nowhere.
    @Test func rowsOfOtherBytes() throws {
        try withIndex { path in
            let size = try Folders.read("\(path)/full-0.rows").count
            try Folders.write(Array(repeating: 0xFF, count: size), "\(path)/full-0.rows")
            expectDamage(path, naming: "full-0.rows", writerToo: false)
        }
        try withIndex { path in
            for name in ["short-0.rows", "scales-0.rows", "labels-0.rows"] {
                let size = try Folders.read("\(path)/\(name)").count
                try Folders.write(Array(repeating: 0xFF, count: size), "\(path)/\(name)")
                _ = try IndexReader(path: path, pool: pool).find(1) { $0.folders = [RawPath("/1")] }
                _ = try IndexReader(path: path, pool: pool).find(1) { $0.media = [.image] }
            }
        }
    }

    /// Every page of the catalogue, spoiled on its own: an answer or an error.
    @Test func pagesOfTheCatalogue() throws {
        try withIndex { path in
            let whole = try Folders.read("\(path)/catalogue.sqlite")
            for start in stride(from: 0, to: whole.count, by: 4_096) {
                var bytes = whole
                for index in start..<min(start + 64, bytes.count) { bytes[index] ^= 0x5A }
                for name in ["catalogue.sqlite-wal", "catalogue.sqlite-shm"] { unlink("\(path)/\(name)") }
                try Folders.write(bytes, "\(path)/catalogue.sqlite")
                _ = try? IndexReader(path: path, pool: pool).find(1, limit: 300)
                _ = try? IndexReader(path: path, pool: pool).statistics()
                _ = try? IndexWriter(path: path, model: smallModel).commit([.put(file("/z"), items: [item(7)])])
            }
        }
    }
}

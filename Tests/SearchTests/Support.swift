import CastorNumerics
import FoundationEssentials
import Glibc
import Search
import TestSupport

let smallModel = ModelIdentity(name: "test", dimensions: 96, sha256: "0123456789abcdef")

/// A vector that belongs to a number.
func madeVector(_ number: Int) -> [Float] {
    randomUnits(1, smallModel.dimensions, seed: UInt64(bitPattern: Int64(number)) &+ 1).values
}

func item(_ number: Int, _ medium: Medium = .text, _ place: Place = .whole) -> NewItem {
    NewItem(medium: medium, place: place, snippet: "item \(number)", vector: madeVector(number))
}

func file(_ path: String, modified: Int64 = 1_000) -> SourceFile {
    SourceFile(
        path: RawPath(path), version: FileVersion(size: 10, modified: modified, inode: 1),
        sha256: Array(path.utf8.prefix(32)), kind: "text/plain")
}

/// What a reader finds of an index: everything but the numbers of rows.
func contents(_ path: String) throws -> [String] {
    let reader = try IndexReader(path: path, pool: pool)
    var lines: [String] = []
    try reader.forEachItem { hit, vector in
        lines.append("\(hit.path.printable) \(hit.medium) \(hit.place) \(hit.snippet) \(vector.prefix(4))")
    }
    // What is listed can be found, and nothing else.
    for line in lines { precondition(!line.isEmpty) }
    return lines.sorted()
}

extension IndexReader {
    func find(_ number: Int, limit: Int = 10, _ change: (inout SearchQuery) -> Void = { _ in }) throws -> [SearchHit] {
        var query = SearchQuery(madeVector(number))
        query.limit = limit
        query.perFile = 0
        change(&query)
        return try find(query)
    }
}

func copyFolder(_ from: String, to: String) throws {
    try FileManager.default.copyItem(atPath: from, toPath: to)
}

import Castor
import TestSupport
import Testing
import Training

/// What is the same for people is on one side of the split, so that nothing is judged by that was trained on.
@Suite struct SplitTests {
    /// What the rows of both sides are, by a name that copies share.
    private func sides(
        _ set: DataSet, _ name: (Sample) throws -> String
    ) throws -> (training: Set<String>, heldOut: Set<String>) {
        func names(_ rows: [Int32]) throws -> Set<String> { Set(try rows.map { try name(set.sample(Int($0))) }) }
        return (try names(set.training), try names(set.heldOut))
    }

    private func expectApart(
        _ sides: (training: Set<String>, heldOut: Set<String>), count: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(sides.training.isDisjoint(with: sides.heldOut), sourceLocation: sourceLocation)
        #expect(sides.training.count + sides.heldOut.count == count, sourceLocation: sourceLocation)
        #expect(!sides.training.isEmpty && !sides.heldOut.isEmpty, sourceLocation: sourceLocation)
    }

    /// 40 pictures, each five times under other names, in classes by chance.
    @Test func copiesOfPictures() throws {
        try DataFolder.with { folder in
            var lines = ""
            for copy in 0..<5 {
                for number in 0..<40 {
                    let name = "\("abcd".randomElement()!)/\(copy)-\(number).bmp"
                    try folder.write("photos/\(name)", Made.picture(seed: UInt64(number)))
                    lines += "{\"query\": \"text \(copy) of \(number)\", \"positive\": "
                    lines += "{\"parts\": [{\"fileData\": {\"fileUri\": \"photos/\(name)\"}}]}}\n"
                }
            }
            func number(_ sample: Sample) throws -> String {
                let name = try #require(
                    [sample.query, sample.positive].compactMap { $0?.text }.first { $0.hasSuffix(".bmp") })
                return String(name.split(separator: "-").last!)
            }
            expectApart(try sides(folder.open("photos", .folder) { $0.heldOut = 0.3 }, number), count: 40)
            let swapped = try folder.open("photos", .folder) {
                $0.heldOut = 0.3
                $0.swapped = true
            }
            expectApart(try sides(swapped, number), count: 40)
            try folder.write("pairs.jsonl", lines)
            expectApart(try sides(folder.open("pairs.jsonl", .jsonl) { $0.heldOut = 0.3 }, number), count: 40)
        }
    }

    /// The digests that were taken for the split are those of the files.
    @Test func theHashIsTheSameWithASplit() throws {
        try DataFolder.with { folder in
            for number in 0..<20 { try folder.write("x/a/\(number).bmp", Made.picture(seed: UInt64(number))) }
            try folder.write("x/notes.txt", "beside the pictures")
            let whole = try DataDigest.of(folder.open("x", .folder))
            #expect(try DataDigest.of(folder.open("x", .folder) { $0.heldOut = 0.3 }) == whole)
            #expect(try DataDigest.of(path: "\(folder.path)/x") == whole)
        }
    }

    @Test func waysToWriteAQuery() throws {
        try DataFolder.with { folder in
            var text = ""
            for number in 0..<40 {
                for (way, query) in [
                    "How do I pay \(number)", "how do I pay \(number) ", "HOW  do I pay\u{a0}\(number)?",
                    " how do i pay \(number) !", "How do I pay \(number)...",
                ].enumerated() {
                    text += "\(query)\tanswer \(way) to \(number)\n"
                }
            }
            try folder.write("pairs.tsv", text)
            let found = try sides(folder.open("pairs.tsv", .tsv) { $0.heldOut = 0.3 }) {
                $0.query.text.filter(\.isNumber)
            }
            expectApart(found, count: 40)
        }
    }

    /// Of a few labels that ask for texts none is lost to one side.
    @Test func labelsAsQueries() throws {
        try DataFolder.with { folder in
            let text = (0..<200).map { "\(["red", "green", "blue"][$0 % 3])\ttext \($0)\n" }.joined()
            try folder.write("pairs.tsv", text)
            let found = try sides(folder.open("pairs.tsv", .tsv) { $0.heldOut = 0.3 }) { $0.query.text }
            #expect(found.training.count == 3 && found.heldOut.count == 3)
        }
    }
}

import CastorNumerics
import FoundationEssentials
import TestSupport
import Testing
import Training

/// Data from which nothing can be learned train at a loss that looks perfect: it is said.
@Suite struct LearningWarningTests {
    /// What a dry run warns of.
    private func warnings(
        _ data: String, _ name: String = "pairs.jsonl", batch: Int = 4, loss: String = "{}", header: String = ""
    ) throws -> [String] {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder)
            try Folders.write(Array(data.utf8), "\(folder)/\(name)")
            let recipe = """
                {"model": "model", "output": "out", "evaluation": {"every": 0, "heldOut": 0},
                 "stages": [{"steps": 2, "schedule": {"peak": 1e-3}, "loss": \(loss), "data": [{"path": "\(name)", \(header) "batch": \(batch)}]}]}
                """
            try Folders.write(Array(recipe.utf8), "\(folder)/recipe.json")
            return try DryRun(SmallRun.plan(folder), WorkerPool(threads: 1)).warnings
        }
    }

    private static func pair(_ query: String, _ positive: String, _ more: String = "") -> String {
        #"{"query": {"parts": [{"text": "\#(query)"}]}, "positive": {"parts": [{"text": "\#(positive)"}]}\#(more)}"#
            + "\n"
    }

    private static func pairs(_ count: Int, _ make: (Int) -> String) -> String { (0..<count).map(make).joined() }

    @Test func batchesThatHoldNoContrast() throws {
        let sound = Self.pairs(8) { Self.pair("q\($0)", "p\($0)") }
        #expect(try warnings(sound).isEmpty)
        let nothing = ": the contrastive loss has nothing to tell a positive from"
        let cases: [(data: String, batch: Int, reason: String)] = [
            (sound, 1, "its batches have one pair and no hard negative"),
            (Self.pair("q", "p"), 4, "its batches have one pair and no hard negative"),
            (Self.pairs(8) { _ in Self.pair("q", "p") }, 4, "all its pairs are equal"),
            (Self.pairs(8) { Self.pair("q\($0)", "p") }, 4, "all its pairs have the same positive"),
            (Self.pairs(8) { Self.pair("q", "p\($0)") }, 4, "all its pairs have the same query"),
        ]
        for (data, batch, reason) in cases {
            #expect(try warnings(data, batch: batch) == ["stage 1, data set pairs.jsonl: \(reason)\(nothing)"])
        }
        // A hard negative is a contrast, and a teacher needs none.
        let negatives = Self.pairs(8) { Self.pair("q\($0)", "p\($0)", #", "negatives": [{"parts": [{"text": "n"}]}]"#) }
        #expect(try warnings(negatives, batch: 1).isEmpty)
        let taught = Self.pairs(8) { Self.pair("q", "p\($0)", #", "teacher": {"query": [1, 0], "positive": [0, 1]}"#) }
        #expect(
            try warnings(taught, loss: #"{"contrastive": {"enabled": false}, "teacherCosine": {"size": 2}}"#).isEmpty)
    }

    @Test func teacherVectorsWithoutADirection() throws {
        let loss = #"{"contrastive": {"enabled": false}, "teacherCosine": {"size": 2}}"#
        func taught(_ zeros: Set<Int>) -> String {
            Self.pairs(8) {
                let vector = zeros.contains($0) ? "[0, -0.0]" : "[1, \($0)]"
                return Self.pair("q\($0)", "p\($0)", #", "teacher": {"query": \#(vector), "positive": [0, 1]}"#)
            }
        }
        #expect(try warnings(taught([]), loss: loss).isEmpty)
        let found = try warnings(taught([2, 5]), loss: loss)
        #expect(found.count == 1)
        #expect(
            found.first?.hasPrefix(
                "stage 1, data set pairs.jsonl: 2 of 8 samples have a teacher vector of length 0, from which nothing is learned, the first: "
            )
                == true)
        #expect(found.first?.hasSuffix("pairs.jsonl:3") == true)
    }

    /// Old Macs' line ends: rows as of any other table, and not one row with a loss of zero.
    @Test func carriageReturnsDivideRows() throws {
        let table = Self.pairs(8) { "q\($0)\ta\($0)\r" }
        #expect(try warnings(table, "x.tsv", header: #""header": false,"#).isEmpty)
        try DataFolder.with { folder in
            try folder.write("x.tsv", "a\tb\rc\td\r\re\tf")
            let set = try folder.open("x.tsv", .tsv)
            #expect(try set.texts == [["a", "b"], ["c", "d"], ["e", "f"]])
            #expect((0..<3).map { set.place($0).line } == [1, 2, 4])
            try folder.write("x.csv", "\u{feff}a,b\r\"c,\"\"1\"\"\",\"d\re\"\rf,g\r")
            let quoted = try folder.open("x.csv", .csv) { $0.hasHeader = true }
            #expect(try quoted.texts == [["c,\"1\"", "d\re"], ["f", "g"]])
            // In a file with line feeds a carriage return is a character.
            try folder.write("y.tsv", "a\tb\rc\nd\te\n")
            #expect(try folder.open("y.tsv", .tsv).texts == [["a", "b\rc"], ["d", "e"]])
        }
    }
}

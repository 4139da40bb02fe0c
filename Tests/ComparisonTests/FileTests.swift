import CastorNumerics
import Comparison
import Evaluation
import Glibc
import TestSupport
import Testing
import Vectors

/// Files as they come: of several writers, damaged, of other contents.
@Suite struct FileTests {
    private func read(_ text: String) throws -> RecordedVectors {
        try Folders.withTemporary { folder in
            try Folders.write(Array(text.utf8), "\(folder)/v.jsonl")
            return try RecordedVectors(path: "\(folder)/v.jsonl")
        }
    }

    @Test func linesOfEveryWriterAreRead() throws {
        let vectors = try read(
            "\u{feff}{\"key\":\"a\",\"response\":{\"embedding\":{\"values\":[1,-2.5e-1]},\"usageMetadata\":{\"promptTokenCount\":3}}}\r\n"
                + " \n{ \"response\" : {\"embedding\": {\"values\": [0.5, 1E0], \"shape\": [2]}}, \"metadata\": {\"key\": \"b\\u00e9\\n\"} }\n"
                + "{\"response\":{\"embedding\":{\"values\":[3,4]},\"usageMetadata\":{\"promptTokenDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":1},"
                + "{\"modality\":\"IMAGE\"}]}}}")
        // The third has no key, and is on the fourth line.
        #expect(vectors.keys == ["a", "bé\n", "4"])
        #expect(vectors.vectors.values == [1, -0.25, 0.5, 1, 3, 4])
        #expect(vectors.modalities == [nil, nil, "image+text"] && vectors.problems.isEmpty)
    }

    /// As a batch of numbered lines gives them back, and as file systems of two kinds spell a name.
    @Test func keysAreNumbersOrBytes() throws {
        func line(_ key: String, _ value: Int) -> String {
            "{\"key\":\(key),\"response\":{\"embedding\":{\"values\":[\(value),1]}}}\n"
        }
        let keys = ["7", "\"7.0\"", "8.50", "\"caf\u{e9}\"", "\"cafe\u{301}\"", "\"caf\\u00e9s\""]
        let text = keys.enumerated().map { line($0.element, $0.offset) }.joined()
        let vectors = try read(text)
        let expected = ["7", "7.0", "8.50", "caf\u{e9}", "cafe\u{301}", "caf\u{e9}s"]
        #expect(vectors.keys.map { Array($0.utf8) } == expected.map { Array($0.utf8) } && vectors.problems.isEmpty)
        // Each joins its own, whatever the order.
        let turned = try read(keys.enumerated().reversed().map { line($0.element, $0.offset) }.joined())
        let joined = try JoinedVectors(vectors, turned)
        #expect(joined.keys.count == 6 && joined.missing.count == 0 && joined.extra.count == 0)
        #expect(joined.reference.values == joined.candidate.values)
        #expect(try read(line("7", 1) + line("\"7\"", 2) + line("\"x\"", 3)).problems.map(\.problem) == [.duplicateKey])
    }

    /// Numbers as `strtof` reads them, bit for bit: short ones and long ones, small, large, halfway between two floats.
    @Test func numbersAreReadToTheLastBit() throws {
        var random = SeededRandom(seed: 5)
        var texts = [
            "0", "-0", "-0.0", "1e22", "1E-22", "123456789012345", "0.1234567890123456789", "16777217", "16777219.0",
            "8388608.5", "9007199254740993", "1.17549435e-38", "1e-45", "3.4028235e38", "0.000000000000000000000000001",
        ]
        for _ in 0..<2_000 {
            let value = Float.random(in: -1...1, using: &random)
            // Just halfway to the next float, and the shortest form of both.
            texts += ["\(value)", "\((Double(value) + Double(value.nextUp)) / 2)", "\(Double(value) * 1e-9)"]
        }
        let vectors = try read("{\"response\":{\"embedding\":{\"values\":[\(texts.joined(separator: ", "))]}}}")
        #expect(vectors.vectors.values.map(\.bitPattern) == texts.map { strtof($0, nil).bitPattern })
        for text in ["1.2.3", ".", "-", "1e", "1e+", "1-2", "0x"] {
            #expect(throws: ComparisonError.self) {
                try read("{\"response\":{\"embedding\":{\"values\":[1,\(text)]}}}")
            }
        }
    }

    @Test func unusableLinesAreCountedAndNamed() throws {
        let vectors = try read(
            """
            {"key":"a","response":{"embedding":{"values":[1,2]}}}
            {"key":"b","error":{"code":400,"message":"no"}}
            {"key":"c","response":{"embedding":{"values":[1,2,3]}}}
            {"key":"d","response":{"embedding":{"values":[NaN,2]}}}
            {"key":"e","response":{"embedding":{"values":[1e99,2]}}}
            {"key":"a","response":{"embedding":{"values":[5,6]}}}
            {"key":"f","response":{"embedding":{"values":[0,0]}}}
            not json
            {"key":"g","response":{"embedding":{"values":[3,4]}}}
            {"key":"h","response":{"embedding":{"values":[3,
            """)
        #expect(vectors.keys == ["a", "g"] && vectors.vectors.values == [1, 2, 3, 4])
        func count(_ problem: RecordedVectors.Problem) -> (Int, String)? {
            vectors.problems.first { $0.problem == problem }.map { ($0.count, $0.first) }
        }
        #expect(count(.failed)?.0 == 1 && count(.failed)?.1 == "line 2, key \"b\"")
        #expect(count(.wrongSize)?.1 == "line 3, key \"c\": 3 values, most have 2")
        #expect(count(.notFinite)?.0 == 2 && count(.notFinite)?.1 == "line 4, key \"d\"")
        #expect(count(.duplicateKey)?.1 == "line 6, key \"a\"" && count(.zero)?.1 == "line 7, key \"f\"")
        #expect(count(.unreadable)?.0 == 2 && count(.unreadable)?.1.hasPrefix("line 8: ") == true)
    }

    @Test(arguments: ["", "\n\n", "{}", "{\"key\":\"a\"}\n", "[[[[", "{\"response\":{\"embedding\":{\"values\":[]}}}"])
    func filesWithoutVectorsAreRefused(text: String) {
        let error = #expect(throws: ComparisonError.self) { try read(text) }
        guard case .noVectors? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    /// Whatever the bytes, there is an answer.
    @Test func damagedBytesAreSurvived() throws {
        let whole = Array(
            "{\"key\":\"a\",\"response\":{\"embedding\":{\"values\":[1,2]},\"x\":[{\"y\":\"\\ud83d\\ude00\"},null,true]}}\n"
                .utf8)
        var random = SeededRandom(seed: 1)
        try Folders.withTemporary { folder in
            for _ in 0..<400 {
                var bytes = whole + whole
                for _ in 0..<3 {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                bytes.removeLast(Int.random(in: 0..<whole.count, using: &random))
                try Folders.write(bytes, "\(folder)/v")
                if let vectors = try? RecordedVectors(path: "\(folder)/v") {
                    #expect(vectors.vectors.values.allSatisfy { $0.isFinite })
                }
            }
            let deep = String(repeating: "[", count: 5_000)
            try Folders.write(Array("{\"x\":\(deep)".utf8), "\(folder)/v")
            #expect(throws: ComparisonError.self) { try RecordedVectors(path: "\(folder)/v") }
            #expect(throws: ComparisonError.notFound(path: "\(folder)/none")) {
                try RecordedVectors(path: "\(folder)/none")
            }
        }
    }

    @Test func filesAreJoinedByKey() throws {
        try Folders.withTemporary { folder in
            let a = randomUnits(8, 4, seed: 1)
            func file(_ name: String, _ m: Matrix, _ keys: [String]) throws -> RecordedVectors {
                try Folders.write(Array(VectorLines.text(m, keys: keys).utf8), "\(folder)/\(name)")
                return try RecordedVectors(path: "\(folder)/\(name)")
            }
            let first = try file("a", a, ["a", "b", "c", "d", "e", "f", "g", "h"])
            let second = try file("b", randomUnits(7, 3, seed: 2), ["x", "h", "g", "e", "d", "b", "y"])
            let joined = try JoinedVectors(first, second)
            #expect(joined.keys == ["b", "d", "e", "g", "h"])
            #expect(joined.missing.count == 3 && joined.missing.first == "a")
            #expect(joined.extra.count == 2 && joined.extra.first == "x")
            #expect(joined.reference[0..<1].values == normalizedPrefix(a[1..<2], 4).values)
            #expect(joined.candidate[0..<1].values == normalizedPrefix(second.vectors[5..<6], 3).values)
            let other = try file("c", a, (0..<8).map { "z\($0)" })
            let error = #expect(throws: ComparisonError.self) { try JoinedVectors(first, other) }
            #expect(error?.description.contains("have 0 usable keys in common, at least 4 are needed") == true)
        }
    }

    @Test func judgmentsAreChecked() throws {
        try Folders.withTemporary { folder in
            func judgments(_ text: String) throws -> Judgments {
                try Folders.write(Array(text.utf8), "\(folder)/q")
                return try Judgments(path: "\(folder)/q")
            }
            let read = try judgments("query-id\tcorpus-id\tscore\r\nq\td\t2\r\nq\te\t0\r\n")
            #expect(read.all == [.init(query: "q", document: "d", grade: 2)])
            for (text, line) in [
                ("a\tb\tscore\nq\td\n", 2), ("a\tb\tscore\nq\td\t1\nq\te\t1\nq\td\t2\n", 4),
                ("a\tb\tscore\nq\td\tx\n", 2), ("h\th\th\n", nil), ("", nil),
            ] as [(String, Int?)] {
                let error = #expect(throws: ComparisonError.self) { try judgments(text) }
                guard case .judgments(_, line, _)? = error else {
                    Issue.record("\(text): \(String(describing: error))")
                    continue
                }
            }
        }
    }
}

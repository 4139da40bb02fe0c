import Foundation
import Glibc
import Testing

/// A batch that was interrupted, in whatever way, goes on to the same bytes as one that was not.
@Suite struct ResumeTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
    }

    private func batch(_ arguments: String...) throws -> CastorProgram.Outcome {
        try CastorProgram.run(["embed", "--batch", "in.jsonl", "-o", "out.jsonl"] + arguments, in: folder)
    }

    private func writeInput(lines: Int, words: Int = 1) throws {
        try folder.write(
            (0..<lines).map { index in
                BatchTests.line(
                    key: "k\(index)", String(repeating: "word ", count: words + index % 13) + "\(index)", dimensions: 2)
            }.joined(), "in.jsonl")
    }

    /// The output of a run from start to end.
    private func whole() throws -> [UInt8] {
        #expect(try batch().status == 0)
        return try folder.bytes("out.jsonl")
    }

    @Test func cutAtEveryByte() throws {
        try folder.write(
            BatchTests.line(key: "a", "x", dimensions: 1) + "{}\n" + BatchTests.line(key: "c", "z", dimensions: 1),
            "in.jsonl")
        let whole = try whole()
        for length in 0...whole.count {
            try folder.write(Array(whole.prefix(length)), "out.jsonl")
            let outcome = try batch()
            #expect(outcome.status == 0, "cut at \(length): \(outcome.errors)")
            #expect(try folder.bytes("out.jsonl") == whole, "cut at \(length)")
        }
    }

    /// The first group that is computed anew is computed whole: other neighbours in a batch would give other last bits.
    @Test func cutInsideAndBetweenGroups() throws {
        try writeInput(lines: 700)
        let whole = try whole()
        let ends = whole.indices.filter { whole[$0] == UInt8(ascii: "\n") }.map { $0 + 1 }
        for lines in [1, 100, 255, 256, 257, 511, 512, 600, 699, 700] {
            for extra in [-1, 0, 1] {
                let length = min(whole.count, ends[lines - 1] + extra)
                try folder.write(Array(whole.prefix(length)), "out.jsonl")
                #expect(try batch().status == 0)
                #expect(try folder.bytes("out.jsonl") == whole, "\(lines) lines and \(extra) bytes")
            }
        }
    }

    /// What runs leave that ended in the middle of a group, and what the next one makes of it: `MARK` as a crash leaves it, lines that are
    /// there, and those that have an error afterwards.
    @Test(
        arguments: [
            ("group 1 1\n", 0, []), ("group 1 2\n", 0, []), ("line 3 1\n", 2, []), ("line 3 2\n", 2, [3]),
            ("line 9 2\n", 8, [9]),
            // Of another place, or no mark.
            ("line 4 2\n", 2, []), ("group 1", 0, []), ("line x y\n", 0, []), ("", 0, []),
        ] as [(String, Int, [Int])])
    func aLineThatEndedFourRunsIsGivenUp(mark: String, kept: Int, givenUp: [Int]) throws {
        try writeInput(lines: 9)
        let whole = try whole()
        let lines = whole.split(separator: UInt8(ascii: "\n"))
        try folder.write(lines.prefix(kept).flatMap { Array($0) + [10] }, "out.jsonl")
        try folder.write(mark, "out.jsonl.started")
        let outcome = try batch()
        #expect(outcome.status == 0, "\(outcome.errors)")
        let found = try folder.bytes("out.jsonl").split(separator: UInt8(ascii: "\n"))
        #expect(found.count == 9)
        for (index, line) in found.enumerated() {
            let text = String(decoding: line, as: UTF8.self)
            #expect(text.contains("\"key\":\"k\(index)\""))
            #expect(text.contains("given up") == givenUp.contains(index + 1), "\(text)")
            #expect(text.contains("\"values\"") != givenUp.contains(index + 1), "\(text)")
        }
        #expect(try !folder.names().contains("out.jsonl.started"))
    }

    /// A run that is killed leaves its mark, one that is stopped does not.
    @Test(arguments: [SIGKILL, SIGINT]) func onlyAnEndWithoutOrderIsMarked(signal: Int32) throws {
        try writeInput(lines: 256, words: 500)
        let run = try CastorProgram.start(["embed", "--batch", "in.jsonl", "-o", "out.jsonl"], in: folder)
        for _ in 0..<120_000 where folder.size("out.jsonl.started") == 0 { usleep(1_000) }
        run.signal(signal)
        #expect(try run.wait().status == (signal == SIGKILL ? 137 : 130))
        let isThere = try folder.names().contains("out.jsonl.started")
        #expect(isThere == (signal == SIGKILL))
        if isThere { #expect(try folder.bytes("out.jsonl.started") == Array("group 1 1\n".utf8)) }
    }

    @Test func keptLinesAreReported() throws {
        try writeInput(lines: 3)
        let whole = try whole()
        let first = try #require(whole.firstIndex(of: UInt8(ascii: "\n")))
        try folder.write(Array(whole.prefix(first + 1)), "out.jsonl")
        #expect(try batch().errors == "castor: 1 line of out.jsonl is kept\n")
        #expect(try batch().errors == "castor: 3 lines of out.jsonl are kept\n")
        #expect(try folder.bytes("out.jsonl") == whole)
    }

    // MARK: - By content

    private static func file(_ key: String, _ name: String) -> String {
        #"{"key":"\#(key)","request":{"content":{"parts":[{"fileData":{"fileUri":"\#(name)"}}]},"outputDimensionality":2}}"#
            + "\n"
    }

    private func answers() throws -> [BatchAnswer] {
        try String(decoding: folder.bytes("out.jsonl"), as: UTF8.self).split(separator: "\n").map {
            try BatchAnswer(String($0))
        }
    }

    /// A line whose file was missing, is there, changes, and is missing again.
    @Test func failedLinesAreTriedAgainAndChangedFilesAreReadAgain() throws {
        let input =
            BatchTests.line(key: "a", "x", dimensions: 2) + Self.file("b", "late.txt")
            + BatchTests.line(key: "c", "z", dimensions: 2)
        try folder.write(input, "in.jsonl")
        #expect(try batch().status == 0)
        let first = try folder.bytes("out.jsonl")
        #expect(try answers().map { $0.error?.code } == [nil, 404, nil])
        let again = try batch()
        #expect(again.errors.hasPrefix("castor: 2 lines of out.jsonl are kept; failed before and tried again: 1\n"))
        #expect(again.errors.contains("1 of 1 content failed, the first with key \"b\""))
        #expect(try folder.bytes("out.jsonl") == first)
        try folder.write("hello", "late.txt")
        #expect(try batch().errors == "castor: 2 lines of out.jsonl are kept; failed before and tried again: 1\n")
        let hello = try answers()
        #expect(hello.map(\.key) == ["a", "b", "c"] && hello.allSatisfy { $0.response != nil })
        try folder.write("something else", "late.txt")
        #expect(try batch().errors == "castor: 2 lines of out.jsonl are kept; changed and embedded again: 1\n")
        #expect(try answers()[1].response?.embedding.values != hello[1].response?.embedding.values)
        #expect(try batch().errors == "castor: 3 lines of out.jsonl are kept\n")
        try FileManager.default.removeItem(atPath: "\(folder.path)/late.txt")
        #expect(try batch().errors.hasPrefix("castor: 2 lines of out.jsonl are kept; changed and embedded again: 1\n"))
        #expect(try answers().map { $0.error?.code } == [nil, 404, nil])
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out.jsonl.redo"))
    }

    /// In every place of a group and of the file, together with lines that are new.
    @Test func editedLinesAreEmbeddedAgain() throws {
        func input(edited: Set<Int>, lines: Int) -> String {
            (0..<lines).map {
                // Two values of 3,072 would show last bits large, which processors compute as rows stand in a batch.
                BatchTests.line(key: "k\($0)", edited.contains($0) ? "edited \($0)" : "text \($0)", dimensions: 64)
            }.joined()
        }
        try folder.write(input(edited: [], lines: 600), "in.jsonl")
        let plain = try whole()
        for edited: Set<Int> in [[0], [255, 256], [599], [3, 300, 301]] {
            for lines in [600, 700] {
                try folder.write(input(edited: edited, lines: lines), "in.jsonl")
                try FileManager.default.removeItem(atPath: "\(folder.path)/out.jsonl")
                let wanted = try {
                    _ = try whole(); return try answers()
                }()
                try folder.write(plain, "out.jsonl")
                let outcome = try batch()
                #expect(
                    outcome.errors
                        == "castor: \(600 - edited.count) lines of out.jsonl are kept; changed and embedded again: \(edited.count)\n"
                )
                let found = try answers()
                #expect(found.map(\.key) == wanted.map(\.key))
                for (found, wanted) in zip(found, wanted) {
                    expectClose(
                        try #require(found.response).embedding.values, try #require(wanted.response).embedding.values)
                }
                // Now it is the output of this input.
                #expect(try batch().errors == "castor: \(lines) lines of out.jsonl are kept\n")
            }
        }
    }

    /// Results are not edited by what does not change them.
    @Test func otherSpaceSpellingAndOrderKeepALine() throws {
        try folder.write(BatchTests.line(key: "a", "x", dimensions: 2), "in.jsonl")
        let first = try whole()
        try folder.write(
            "{ 'request': {'output_dimensionality': '2', 'content': {'parts': {'text': '\\u0078'}}}, 'key': 'a' }\n",
            "in.jsonl")
        #expect(try batch().errors == "castor: 1 line of out.jsonl is kept\n")
        #expect(try folder.bytes("out.jsonl") == first)
    }

    /// Output without hashes, as versions before this one and other programs write it: lines are kept by their keys.
    @Test func outputWithoutHashesIsGoneOnFrom() throws {
        try writeInput(lines: 3)
        let whole = try whole()
        let old = String(decoding: whole, as: UTF8.self).replacing(/,"requestHash":"[0-9a-f]{24}"/, with: "")
        #expect(old.utf8.count == whole.count - 3 * 41)
        try folder.write(String(old.dropLast(20)), "out.jsonl")
        #expect(try batch().errors.hasPrefix("castor: 2 lines of out.jsonl are kept\n"))
        #expect(try answers().count == 3)
        try folder.write(old, "out.jsonl")
        #expect(try batch().errors == "castor: 3 lines of out.jsonl are kept\n")
        #expect(try folder.bytes("out.jsonl") == Array(old.utf8))
    }

    /// Stopped while lines are written anew: both files are there, nothing is lost, and the next run goes on from both.
    @Test(arguments: [SIGINT, SIGKILL]) func stoppedWhileLinesAreWrittenAnew(signal: Int32) throws {
        func input(_ word: String) -> String {
            (0..<2_000).map {
                BatchTests.line(
                    key: "k\($0)", String(repeating: "\($0 % 3 == 0 ? word : "same") ", count: 20) + "\($0)",
                    dimensions: 2)
            }.joined()
        }
        try folder.write(input("old"), "in.jsonl")
        let old = try whole()
        try folder.write(input("new"), "in.jsonl")
        let running = try CastorProgram.start(["embed", "--batch", "in.jsonl", "-o", "out.jsonl"], in: folder)
        let deadline = Date().addingTimeInterval(600)
        while folder.size("out.jsonl.redo") < old.count / 4, Date() < deadline { usleep(500) }
        running.signal(signal)
        #expect(try running.wait().status == 128 + signal)
        #expect(try folder.bytes("out.jsonl") == old)
        let part = folder.size("out.jsonl.redo")
        #expect(part >= old.count / 4)
        let outcome = try batch()
        let redone = outcome.errors.split(separator: " ").last.flatMap { Int($0.dropLast()) } ?? 667
        #expect(outcome.status == 0 && redone < 667 - 100, "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out.jsonl.redo"))
        #expect(try answers().map(\.key) == (0..<2_000).map { "k\($0)" })
        #expect(try batch().errors == "castor: 2000 lines of out.jsonl are kept\n")
    }

    /// What an interrupted rewriting left, cut at any byte, and edited once more before it goes on.
    @Test func aRewritingGoesOnFromAnyByte() throws {
        let first =
            BatchTests.line(key: "a", "x", dimensions: 1) + BatchTests.line(key: "b", "y", dimensions: 1)
            + BatchTests.line(key: "c", "z", dimensions: 1)
        try folder.write(first, "in.jsonl")
        let old = try whole()
        try folder.write(first.replacing("\"y\"", with: "\"why\""), "in.jsonl")
        #expect(try batch().status == 0)
        let new = try folder.bytes("out.jsonl")
        #expect(new != old)
        for length in stride(from: 0, through: new.count, by: 7) {
            try folder.write(old, "out.jsonl")
            try folder.write(Array(new.prefix(length)), "out.jsonl.redo")
            #expect(try batch().status == 0)
            #expect(try answers().map(\.key) == ["a", "b", "c"], "cut at \(length)")
            #expect(try batch().errors == "castor: 3 lines of out.jsonl are kept\n", "cut at \(length)")
        }
        try folder.write(first.replacing("\"x\"", with: "\"ex\""), "in.jsonl")
        try folder.write(old, "out.jsonl")
        try folder.write(new, "out.jsonl.redo")
        #expect(try batch().errors == "castor: 1 line of out.jsonl is kept; changed and embedded again: 2\n")
        #expect(try batch().errors == "castor: 3 lines of out.jsonl are kept\n")
        // Begun for an output that is gone.
        for length in [0, 1, 5, 20, new.count] {
            try folder.write("", "out.jsonl")
            try folder.write(Array(new.prefix(length)), "out.jsonl.redo")
            #expect(try batch().status == 0)
            #expect(try answers().count == 3)
        }
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGKILL])
    func stoppedInTheMiddle(signal: Int32) throws {
        try writeInput(lines: 3_000, words: 20)
        let whole = try whole()
        var running: Running
        // A batch that was quicker than the test begins anew.
        repeat {
            try folder.remove("out.jsonl")
            running = try CastorProgram.start(["embed", "--batch", "in.jsonl", "-o", "out.jsonl"], in: folder)
        } while try !running.signal(signal) { folder.size("out.jsonl") >= whole.count / 4 }
        let outcome = try running.wait()
        #expect(outcome.status == 128 + signal)
        let part = try folder.bytes("out.jsonl")
        #expect(part.count >= whole.count / 4 && part.count < whole.count)
        #expect(whole.starts(with: part))
        if signal != SIGKILL {
            // Whole lines, and a count that is right.
            #expect(part.last == UInt8(ascii: "\n"))
            let lines = part.count { $0 == UInt8(ascii: "\n") }
            #expect(outcome.errors == "castor: stopped after \(lines) contents; the same command goes on from there\n")
        }
        #expect(try batch().status == 0)
        #expect(try folder.bytes("out.jsonl") == whole)
    }

    @Test func foreignOutputIsRefusedAndKept() throws {
        try writeInput(lines: 2)
        for foreign in ["some notes\n", #"{"key":"k0"}"# + "\n", #"{"key":"k0","request":{}}"# + "\n"] {
            try folder.write(foreign, "out.jsonl")
            let outcome = try batch()
            #expect(outcome.status == 65)
            #expect(outcome.errors == "castor: out.jsonl exists and is not a batch's output; remove it to start anew\n")
            #expect(try folder.bytes("out.jsonl") == Array(foreign.utf8))
        }
    }

    @Test func outputOfAnotherBatchIsRefusedAndKept() throws {
        try writeInput(lines: 2)
        let two = try whole()
        try folder.write(BatchTests.line(key: "other", "x"), "in.jsonl")
        let outcome = try batch()
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains(#"out.jsonl line 1 has key "k0", in.jsonl has "other""#))
        #expect(try folder.bytes("out.jsonl") == two)
        try writeInput(lines: 1)
        #expect(try batch().errors == "castor: out.jsonl has more lines than in.jsonl: it is not its output\n")
        #expect(try folder.bytes("out.jsonl") == two)
    }

    @Test func vectorsOfOtherOptionsOrAnotherModelAreRefusedAndKept() throws {
        try folder.write(
            #"{"key":"bad"}"# + "\n" + #"{"key":"k","request":{"content":{"parts":[{"text":"x"}]}}}"# + "\n", "in.jsonl"
        )
        let message =
            "castor: out.jsonl has another vector for key \"k\" than this model and these options give; "
            + "remove it to start anew\n"
        #expect(try batch("--dimensions", "3").status == 0)
        let three = try folder.bytes("out.jsonl")
        // Where the processor has it, eight bits are another option.
        let hasInt8 = try CastorProgram.run(["info", "--precision", "int8", "--json"], in: folder).text.contains(
            #""precision" : "int8""#)
        for options in [
            ["--dimensions", "2"], ["--dimensions", "3", "--apply-task-prompts"],
            ["--dimensions", "3", "--no-truncate"],
        ] + (hasInt8 ? [["--dimensions", "3", "--precision", "int8"]] : []) {
            let other = try CastorProgram.run(
                ["embed", "--batch", "in.jsonl", "-o", "out.jsonl"] + options, in: folder)
            #expect(other.status == 65)
            #expect(other.errors == "castor: out.jsonl line 2 was made with other options; remove it to start anew\n")
            #expect(try folder.bytes("out.jsonl") == three)
        }
        // Another model: untrained weights of another seed.
        try folder.makeFolder("other")
        for name in ["config.json", "tokenizer.model"] {
            try folder.write(Workspace.bytes(at: "\(CastorProgram.nano)/\(name)"), "other/\(name)")
        }
        #expect(try CastorProgram.run(["init", "other", "--seed", "9"], in: folder).status == 0)
        let other = try batch("--dimensions", "3", "--model", "other")
        #expect(other.status == 65 && other.errors == message)
        #expect(try folder.bytes("out.jsonl") == three)
        #expect(try batch("--dimensions", "3").status == 0)
    }

    @Test func inputIsNotItsOwnOutput() throws {
        try writeInput(lines: 2)
        let input = try folder.bytes("in.jsonl")
        let outcome = try CastorProgram.run(["embed", "--batch", "in.jsonl", "-o", "./in.jsonl"], in: folder)
        #expect(outcome.status == 64)
        #expect(outcome.errors == "castor: the output ./in.jsonl is the input in.jsonl\n")
        #expect(try folder.bytes("in.jsonl") == input)
    }

    @Test func twoAtOnceAreRefused() throws {
        try writeInput(lines: 2)
        try folder.write("", "out.jsonl")
        let outcome = try CastorProgram.shell(
            "flock out.jsonl \"$CASTOR\" embed --batch in.jsonl -o out.jsonl", in: folder)
        #expect(outcome.status == 73)
        #expect(outcome.errors == "castor: out.jsonl: another castor is writing to it\n")
    }
}

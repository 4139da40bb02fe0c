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
        #expect(try batch().errors == "castor: 1 lines of out.jsonl are kept\n")
        #expect(try batch().errors.isEmpty)
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
        let shorter = try batch("--dimensions", "2")
        #expect(shorter.status == 65 && shorter.errors == message)
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

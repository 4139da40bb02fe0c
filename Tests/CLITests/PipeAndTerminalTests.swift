import Foundation
import Glibc
import Testing

/// What the program says, and to whom: results on standard output, progress only to a person who waits.
@Suite struct PipeAndTerminalTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
    }

    private func writeInput(lines: Int, words: Int = 1) throws {
        let text = String(repeating: "word ", count: words)
        try folder.write((0..<lines).map { BatchTests.line(key: "\($0)", text) }.joined(), "in.jsonl")
    }

    /// Three groups of lines, whose vectors are more than a pipe holds.
    private static let groups = 600

    /// Seconds that the program waits before it says how far it is.
    private static let patience = 2

    /// Reads the first byte, then nothing for longer than the program's patience, then the rest: however fast the machine is, the work takes that long.
    private static let slowReader = "{ head -c 1 >/dev/null; sleep \(patience + 1); cat; }"

    @Test(arguments: ["castor embed a | head -c 10", "castor embed --batch in.jsonl | head -c 10"])
    func closedPipeEndsWithoutNoise(line: String) throws {
        try writeInput(lines: 2_000)
        let outcome = try CastorProgram.shell("\(line); exit ${PIPESTATUS[0]}", in: folder)
        #expect(outcome.output.count == 10)
        #expect(outcome.errors.isEmpty)
        // SIGPIPE, or 0 where the pipe took all before it closed.
        #expect([0, 128 + SIGPIPE].contains(outcome.status))
    }

    @Test func pipeSeesNoProgress() throws {
        try writeInput(lines: Self.groups)
        let outcome = try CastorProgram.shell("castor embed --batch in.jsonl | \(Self.slowReader)", in: folder)
        #expect(outcome.lines.count == Self.groups)
        #expect(outcome.errors.isEmpty)
    }

    /// `script` gives the program a terminal and records what a person sees.
    private func onATerminal(_ line: String, around: (String) -> String = { $0 }) throws -> String {
        let script = "script --quiet --return --command 'exec $CASTOR \(line)' seen >/dev/null"
        let outcome = try CastorProgram.shell("export CASTOR; \(around(script))", in: folder)
        #expect(outcome.status == 0)
        return String(decoding: try folder.bytes("seen"), as: UTF8.self)
    }

    @Test func longWorkShowsALineOnATerminal() throws {
        try writeInput(lines: Self.groups)
        let seen = try onATerminal("embed --batch in.jsonl >out") {
            "mkfifo out; \(Self.slowReader) <out >/dev/null & \($0)"
        }
        let line = #/\r\u{1B}\[K(\d+) contents, [\d.]+/s, (\d+) %, \d+ (s|min \d+ s) left/#
        let shown = seen.matches(of: line)
        #expect(!shown.isEmpty, "\(seen.debugDescription)")
        #expect(shown.allSatisfy { (0...100).contains(Int($0.2) ?? -1) })
        // The line is gone at the end.
        #expect(seen.contains("\r\u{1B}[K\r\nScript done") || seen.contains("\r\u{1B}[K\nScript done"))
    }

    @Test func shortWorkShowsNothingOnATerminal() throws {
        try writeInput(lines: 2)
        let start = time(nil)
        let seen = try onATerminal("embed --batch in.jsonl --output out.jsonl")
        // On a machine that makes it long it is no short work.
        #expect(!seen.contains("\u{1B}") || time(nil) - start >= Self.patience)
    }
}

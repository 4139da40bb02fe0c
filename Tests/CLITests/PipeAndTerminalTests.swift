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

    /// At least four seconds on two idle cores: twice the program's patience.
    private func writeLongWork() throws {
        try writeInput(lines: Self.longWorkLines, words: 200)
    }

    private static let longWorkLines = 800

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
        try writeLongWork()
        let outcome = try CastorProgram.run(["embed", "--batch", "in.jsonl"], in: folder)
        #expect(outcome.lines.count == Self.longWorkLines)
        #expect(outcome.errors.isEmpty)
    }

    /// `script` gives the program a terminal and records what a person sees.
    private func onATerminal(_ line: String) throws -> String {
        let outcome = try CastorProgram.shell(
            "export CASTOR; script --quiet --return --command 'exec $CASTOR \(line)' seen >/dev/null", in: folder)
        #expect(outcome.status == 0)
        return String(decoding: try folder.bytes("seen"), as: UTF8.self)
    }

    @Test func longWorkShowsALineOnATerminal() throws {
        try writeLongWork()
        let seen = try onATerminal("embed --batch in.jsonl --output out.jsonl")
        let line = #/\r\u{1B}\[K(\d+) contents, [\d.]+/s, (\d+) %, \d+ (s|min \d+ s) left/#
        let shown = seen.matches(of: line)
        #expect(!shown.isEmpty, "\(seen.debugDescription)")
        #expect(shown.allSatisfy { (0...100).contains(Int($0.2) ?? -1) })
        // The line is gone at the end.
        #expect(seen.contains("\r\u{1B}[K\r\nScript done") || seen.contains("\r\u{1B}[K\nScript done"))
    }

    @Test func shortWorkShowsNothingOnATerminal() throws {
        try writeInput(lines: 2)
        #expect(try !onATerminal("embed --batch in.jsonl --output out.jsonl").contains("\u{1B}"))
    }
}

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

    /// The reader holds the pipe and takes nothing.
    @Test(arguments: [SIGTERM, SIGINT]) func aReaderThatDoesNotReadHoldsUpNoSignal(signal: Int32) throws {
        try writeInput(lines: Self.groups)
        try #require(mkfifo("\(folder.path)/pipe", 0o600) == 0)
        let reader = open("\(folder.path)/pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(reader) }
        // F_SETPIPE_SZ, a macro that Swift does not see.
        let (setSize, pageBytes): (Int32, Int32) = (1_031, 4_096)
        try #require(fcntl(reader, setSize, pageBytes) == pageBytes)
        let running = try Running(
            ["/bin/bash", "-c", "exec \"$CASTOR\" embed --batch in.jsonl >pipe"], input: "/dev/null", folder: folder,
            model: CastorProgram.nano, environment: ["CASTOR": CastorProgram.path])
        var waiting: Int32 = 0
        let wasThere = try running.signal(signal) {
            _ = ioctl(reader, UInt(FIONREAD), &waiting)
            return waiting == pageBytes
        }
        #expect(wasThere)
        let outcome = try running.wait()
        #expect(outcome.status == 128 + signal)
    }

    @Test func aClosedStandardInputIsNamed() throws {
        for line in ["castor embed --batch - <&-", "castor embed --batch - --output out <&-"] {
            let outcome = try CastorProgram.shell(line, in: folder)
            #expect(outcome.status == 65)
            #expect(outcome.errors == "castor: standard input is closed\n")
        }
        let folderAsInput = try CastorProgram.shell("castor embed --batch - <.", in: folder)
        #expect(folderAsInput.errors == "castor: standard input: is a folder\n")
        // Closed standard output is no file that is opened later.
        let closed = try CastorProgram.shell("castor embed a >&-", in: folder)
        #expect(closed.status == 73)
        #expect(closed.errors == "castor: cannot write: Bad file descriptor\n")
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
        // The line is gone at the end, and a summary stands in its place.
        let end =
            #/\r\u{1B}\[Kcastor: (\d+) contents embedded in [\d.]+ (s|min \d+ s), [\d.]+/s; \d+ tokens as billed\s+Script done/#
        let summary = seen.matches(of: end)
        #expect(summary.count == 1 && summary.first.map { Int($0.1) } == Self.groups, "\(seen.debugDescription)")
    }

    @Test func shortWorkShowsNothingOnATerminal() throws {
        try writeInput(lines: 2)
        let start = time(nil)
        let seen = try onATerminal("embed --batch in.jsonl --output out.jsonl")
        // On a machine that makes it long it is no short work.
        #expect(!seen.contains("\u{1B}") || time(nil) - start >= Self.patience)
    }
}

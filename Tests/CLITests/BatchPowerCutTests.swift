import Foundation
import Glibc
import TestSupport
import Testing

/// A batch whose power is cut: what it had said to be done is there, and what it had not is done by the same command. In a process that syncs
/// are noticed in (Tests/PowerCut).
@Suite struct BatchPowerCutTests {
    private let folder: Workspace
    private let disk: FragileDisk

    init() throws {
        folder = try Workspace()
        disk = try FragileDisk()
    }

    private var output: String { "\(disk.path)/out.jsonl" }

    private static let lines = 600

    /// Some name a file, which may not be there.
    private func writeInput() throws {
        let lines = (0..<Self.lines).map { index in
            index % 200 == 7
                ? #"{"key":"k\#(index)","request":{"content":{"parts":[{"fileData":{"fileUri":"rgb.png"}}]},"outputDimensionality":2}}"#
                    + "\n"
                : BatchTests.line(
                    key: "k\(index)", String(repeating: "word ", count: index % 13) + "\(index)", dimensions: 2)
        }
        try folder.write(lines.joined(), "in.jsonl")
    }

    private func start(_ output: String, onDisk: Bool) throws -> Running {
        var environment: [String: String] = [:]
        if onDisk {
            environment["LD_PRELOAD"] = CastorProgram.powerCut
            for variable in disk.environment() {
                let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                environment[String(parts[0])] = String(parts[1])
            }
        }
        return try CastorProgram.start(
            ["embed", "--batch", "in.jsonl", "-o", output], in: folder, environment: environment)
    }

    /// With `rgb.png` from the beginning, and never stopped.
    private func whole() throws -> String {
        try writeInput()
        try folder.copyMedia("rgb.png")
        #expect(try start("\(folder.path)/whole.jsonl", onDisk: false).wait().status == 0)
        return try Self.answers("\(folder.path)/whole.jsonl")
    }

    /// The same where that was missing at first: lines that are made anew have other neighbours, and so other last bits.
    private func redone() throws -> String {
        try writeInput()
        let path = "\(folder.path)/redone.jsonl"
        #expect(try start(path, onDisk: false).wait().status == 0)
        try folder.copyMedia("rgb.png")
        #expect(try start(path, onDisk: false).wait().status == 0)
        try folder.remove("rgb.png")
        return try Self.answers(path)
    }

    /// Without what tells that a file is the one that was there: it is copied anew.
    private static func answers(_ path: String) throws -> String {
        String(decoding: try Workspace.bytes(at: path), as: UTF8.self)
            .replacing(#/,"requestHash":"[0-9a-f]+"/#, with: "")
    }

    private func lineCount(_ path: String) -> Int {
        ((try? Workspace.bytes(at: path)) ?? []).count { $0 == UInt8(ascii: "\n") }
    }

    @Test func whatIsDoneStays() throws {
        let whole = try whole()
        #expect(try start(output, onDisk: true).wait().status == 0)
        try disk.cut(.everything)
        #expect(try Self.answers(output) == whole)
    }

    /// Lines that had failed are made anew, in a file that takes the place of the other.
    @Test func whatIsRedoneStays() throws {
        let redone = try redone()
        #expect(try start(output, onDisk: true).wait().status == 0)
        try disk.cut(.everything)
        #expect(lineCount(output) == Self.lines)
        try folder.copyMedia("rgb.png")
        #expect(try start(output, onDisk: true).wait().status == 0)
        try disk.cut(.everything)
        #expect(try Self.answers(output) == redone)
        // The mark of a run may stay, and marks nothing.
        let names = try FileManager.default.contentsOfDirectory(atPath: disk.path).filter { !$0.hasSuffix(".started") }
        #expect(names == ["out.jsonl"])
    }

    /// At any moment, with whatever the disk has kept of it: the same command goes on, and at the end all is as if nothing had been.
    @Test(arguments: 1...6 as ClosedRange<UInt64>) func whatIsCutGoesOn(seed: UInt64) throws {
        // In this order: the file that is missing at first is there afterwards.
        let redone = try redone()
        let expected = [false: try whole(), true: redone]
        var random = SeededRandom(seed: seed)
        for isRedone in [false, true] {
            if isRedone {
                try FileManager.default.removeItem(atPath: output)
                try folder.remove("rgb.png")
                #expect(try start(output, onDisk: true).wait().status == 0)
                try disk.cut(.everything)
                try folder.copyMedia("rgb.png")
            }
            let growing = isRedone ? "\(output).redo" : output
            let stop = Int.random(in: 1..<Self.lines, using: &random)
            let running = try start(output, onDisk: true)
            // Where it was quicker, its power is cut at its end.
            _ = try running.signal(SIGKILL) { lineCount(growing) >= stop }
            _ = try running.wait()
            try disk.cut(.anything(SeededRandom(seed: random.next())))
            let outcome = try start(output, onDisk: true).wait()
            #expect(outcome.status == 0, "\(outcome.errors)")
            try disk.cut(.everything)
            #expect(try Self.answers(output) == expected[isRedone], "redone: \(isRedone), stopped at \(stop)")
        }
    }
}

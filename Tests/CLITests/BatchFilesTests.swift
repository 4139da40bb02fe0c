import Glibc
import Testing

/// What a batch writes beside its output, through links and into pipes: nothing of others is lost.
@Suite struct BatchFilesTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
    }

    private func batch() throws -> CastorProgram.Outcome {
        try CastorProgram.run(["embed", "--batch", "in.jsonl", "-o", "out.jsonl"], in: folder)
    }

    private func writeInput(lines: Int) throws {
        try folder.write((0..<lines).map { BatchTests.line(key: "k\($0)", "text", dimensions: 2) }.joined(), "in.jsonl")
    }

    /// The files that a batch writes beside its output are outputs as well.
    @Test(arguments: ["out.jsonl.redo", "out.jsonl.started"]) func inputsBesideTheOutputAreKept(name: String) throws {
        try writeInput(lines: 2)
        let input = try folder.bytes("in.jsonl")
        try folder.write(input, name)
        let outcome = try CastorProgram.run(["embed", "--batch", name, "-o", "out.jsonl"], in: folder)
        #expect(outcome.status == 64)
        #expect(outcome.errors == "castor: \(name) is both the input and the output\n")
        #expect(try folder.bytes(name) == input)
        // Nor is anything else lost that has their names.
        let other = try batch()
        #expect(other.status == 73 || other.status == 65)
        #expect(other.errors.hasPrefix("castor: ") && other.errors.contains("\(name) exists and "))
        #expect(try folder.bytes(name) == input)
        try folder.remove(name)
        try folder.write("precious", "other")
        #expect(symlink("other", "\(folder.path)/\(name)") == 0)
        #expect(try batch().status == 73)
        #expect(try folder.bytes("other") == Array("precious".utf8))
    }

    @Test func aLinkedOutputStaysALinkAndPrivate() throws {
        try writeInput(lines: 3)
        try folder.makeFolder("real")
        #expect(symlink("real/out", "\(folder.path)/out.jsonl") == 0)
        #expect(try batch().status == 0)
        #expect(chmod("\(folder.path)/real/out", 0o600) == 0)
        try folder.write(
            BatchTests.line(key: "k0", "edited", dimensions: 2) + BatchTests.line(key: "k1", "edited", dimensions: 2)
                + BatchTests.line(key: "k2", "edited", dimensions: 2), "in.jsonl")
        #expect(try batch().errors == "castor: 0 lines of out.jsonl are kept; changed and embedded again: 3\n")
        var status = stat()
        #expect(lstat("\(folder.path)/out.jsonl", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(stat("\(folder.path)/real/out", &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(folder.lines("real/out") == 3)
        #expect(try folder.names() == ["in.jsonl", "out.jsonl", "real"])
    }

    /// The program must not be a reader of its own pipe.
    @Test func aPipeWhoseReaderHasGoneEndsTheBatch() throws {
        try writeInput(lines: 600)
        let line =
            "castor embed --batch in.jsonl --dimensions 3072 -o /dev/stdout | head -c 100 >/dev/null; exit ${PIPESTATUS[0]}"
        #expect(try [141, 73].contains(CastorProgram.shell(line, in: folder).status))
    }
}

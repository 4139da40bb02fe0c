import Foundation
import Testing

/// `--each`, `--format` and `--output`.
@Suite struct FormatTests {
    private let folder: Workspace
    private let parts = ["a dog", "@rgb.png", "@noise-16k.wav"]

    init() throws {
        folder = try Workspace()
        try folder.copyMedia("rgb.png", "noise-16k.wav")
    }

    private func run(_ arguments: String...) throws -> CastorProgram.Outcome {
        let outcome = try CastorProgram.run(["embed"] + parts + arguments, in: folder)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return outcome
    }

    /// One vector a part, each computed in a run of its own.
    private func alone() throws -> [[Float]] {
        try parts.map { part in
            try Answer(CastorProgram.run(["embed", part, "--dimensions", "16"], in: folder).text).embedding.values
        }
    }

    @Test func jsonOfAList() throws {
        let outcome = try run("--each", "--dimensions", "16")
        let answer = try JSONDecoder().decode(ListAnswer.self, from: Data(outcome.output))
        let alone = try alone()
        try #require(answer.embeddings.count == alone.count)
        for (embedding, expected) in zip(answer.embeddings, alone) { expectClose(embedding.values, expected) }
        #expect(answer.usageMetadata.promptTokenDetails.map(\.modality) == ["TEXT", "IMAGE", "AUDIO"])
    }

    @Test func jsonIsTheServicesForm() throws {
        let text = try CastorProgram.run(["embed", "a", "--dimensions", "1"], in: folder).text
        let value = text.contains("[-1.0]") ? "-1.0" : "1.0"
        let usage = #"{"promptTokenCount":2,"promptTokenDetails":[{"modality":"TEXT","tokenCount":2}]}"#
        #expect(text == #"{"embedding":{"values":[\#(value)]},"usageMetadata":\#(usage)}"# + "\n")
    }

    @Test func jsonLines() throws {
        let lines = try run("--each", "--format", "jsonl", "--dimensions", "16").lines
        let alone = try alone()
        try #require(lines.count == alone.count)
        for (line, expected) in zip(lines, alone) { expectClose(try Answer(line).embedding.values, expected) }
        #expect(try run("--format", "jsonl").output == run().output)
    }

    @Test func text() throws {
        let lines = try run("--each", "--format", "text", "--dimensions", "16").lines
        let alone = try alone()
        try #require(lines.count == alone.count)
        for (line, expected) in zip(lines, alone) {
            expectClose(line.split(separator: " ").compactMap { Float($0) }, expected)
        }
    }

    /// Bytes as numpy.save writes them: magic, version 1.0, header length, header padded to a multiple of 64, f32 values.
    @Test(arguments: [(true, "(3, 16)", 3 * 16), (false, "(16,)", 16)])
    func numpy(each: Bool, shape: String, count: Int) throws {
        let flags = each ? ["--each"] : []
        let arguments = ["embed"] + parts + flags + ["--dimensions", "16", "--format"]
        let npy = try CastorProgram.run(arguments + ["npy"], in: folder).output
        let dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }"
        let header = dictionary + String(repeating: " ", count: 128 - 10 - 1 - dictionary.utf8.count) + "\n"
        #expect(Array(npy.prefix(128)) == [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8))
        try #require(npy.count == 128 + 4 * count)
        let values = npy.dropFirst(128).withUnsafeBytes { bytes in
            (0..<count).map {
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
            }
        }
        let text = try CastorProgram.run(arguments + ["text"], in: folder).text
        #expect(text.split(whereSeparator: \.isWhitespace).compactMap { Float($0) } == values)
    }

    @Test func outputFileHoldsWhatStandardOutputWould() throws {
        #expect(try run("--output", "vector.json").output.isEmpty)
        #expect(try folder.bytes("vector.json") == run().output)
        // Nothing temporary is left.
        #expect(try folder.names() == ["noise-16k.wav", "rgb.png", "vector.json"])
    }

    @Test func failureLeavesTheOldOutput() throws {
        try folder.write("old", "vector.json")
        #expect(try CastorProgram.run(["embed", "@missing.png", "-o", "vector.json"], in: folder).status == 66)
        #expect(try folder.bytes("vector.json") == Array("old".utf8))
    }

    @Test func deviceIsWrittenToAndNotReplaced() throws {
        #expect(try CastorProgram.run(["embed", "a", "-o", "/dev/null"], in: folder).status == 0)
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
        let piped = try CastorProgram.shell("castor embed a -o /dev/stdout | cat", in: folder)
        #expect(try piped.output == CastorProgram.run(["embed", "a"], in: folder).output)
    }

    @Test func linkIsFollowedAndNotReplaced() throws {
        try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/link", withDestinationPath: "target")
        #expect(try CastorProgram.run(["embed", "a", "-o", "link"], in: folder).status == 0)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder.path)/link") == "target")
        #expect(try folder.bytes("target") == CastorProgram.run(["embed", "a"], in: folder).output)
    }
}

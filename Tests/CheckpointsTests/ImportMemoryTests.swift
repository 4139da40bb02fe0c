import CastorNumerics
import Checkpoints
import Encoder
import Foundation
import TestSupport
import Testing

/// What of a checkpoint is in memory while it is imported.
@Suite struct ImportMemoryTests {
    /// Of the table, which is nearly all of the file: 48 MB.
    private static let rows = 600_000
    private static let mostBytes = 8 << 20
    /// Bytes that are written between two looks.
    private static let step = 2 << 20

    /// Pages of the file that the kernel counts as this process's.
    private static func residentBytes(of path: String) throws -> Int {
        var (bytes, isFile) = (0, false)
        for line in try String(contentsOfFile: "/proc/self/smaps", encoding: .utf8).split(separator: "\n") {
            if line.hasSuffix(path) {
                isFile = true
            } else if isFile, line.hasPrefix("Rss:") {
                bytes += (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
                isFile = false
            }
        }
        return bytes
    }

    @Test(arguments: [nil, .bfloat16, .int8] as [Precision?]) func itIsReadInPieces(precision: Precision?) throws {
        try Folders.withTemporary { folder in
            let checkpoint = "\(folder)/checkpoint"
            try FileManager.default.copyItem(atPath: "\(Folders.fixtures)/families/bert", toPath: checkpoint)
            let weights = "\(checkpoint)/model.safetensors"
            let small = try SafeTensors(path: weights)
            var tensors: [NamedTensor] = []
            for (name, entry) in small.entries {
                var shape = entry.shape
                if name == "embeddings.word_embeddings.weight" { shape[0] = Self.rows }
                let values = Matrix(rows: shape[0], columns: shape.dropFirst().reduce(1, *))
                values.fill(0.25)
                tensors.append(NamedTensor(name: name, shape: shape, values: values))
            }
            try SafeTensors.write(tensors, metadata: [:], as: .f32, to: weights)
            let configuration = "\(checkpoint)/config.json"
            let text = try String(contentsOfFile: configuration, encoding: .utf8)
            try Data(text.replacing("\"vocab_size\": 60", with: "\"vocab_size\": \(Self.rows)").utf8)
                .write(to: URL(fileURLWithPath: configuration))

            var (most, next, looks) = (0, 0, 0)
            try Checkpoint(path: checkpoint).write(to: "\(folder)/model", precision: precision) { written in
                guard written >= next else { return }
                next = written + Self.step
                looks += 1
                most = max(most, (try? Self.residentBytes(of: weights)) ?? Int.max)
            }
            #expect(looks > 4)
            #expect(most > 0)
            #expect(most < Self.mostBytes, "\(most) bytes of the file were in memory")
        }
    }
}

import Checkpoints
import Encoder
import FoundationEssentials

/// Files of torch's, or the pickles in them: tensors inside of the file, or an error.
final class TorchRun {
    private let files: [[UInt8]]
    private let ofPickles: Bool
    private let path: String
    private let input: InputFile
    private var refused = 0
    private var read = 0

    private static let folder = "Fuzzing/Corpus/torch"

    init(scratch: String, ofPickles: Bool) throws {
        self.ofPickles = ofPickles
        path = "\(scratch)/pytorch_model.bin"
        input = try InputFile(path)
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder).sorted()
        files = try names.filter { $0.hasSuffix(ofPickles ? ".pkl" : ".bin") }.map {
            [UInt8](try Data(contentsOf: URL(filePath: "\(Self.folder)/\($0)")))
        }
    }

    var outcomes: String { "\(files.count) files, \(refused) refused, \(read) read" }

    func run(_ random: inout SeededGenerator, _ record: InputFile) throws {
        let bytes = files.mutated(&random, isJSON: false)
        try record.write(bytes)
        if ofPickles {
            do throws(PickleProblem) {
                _ = try bytes.span.bytes.withUnsafeBytes { (bytes) throws(PickleProblem) in
                    try PickleReader.tensors(bytes)
                }
                read += 1
            } catch { refused += 1 }
            return
        }
        try input.write(bytes)
        let file = try MappedFile(path: path)
        do throws(CheckpointError) {
            for (name, entry) in try TorchFile(file).entries {
                guard entry.range.lowerBound >= 0, entry.range.upperBound <= file.bytes.count else {
                    throw .tensor(name: name, reason: "outside")
                }
            }
            read += 1
        } catch {
            if case .tensor = error { throw Finding(description: "\(error)") }
            refused += 1
        }
    }
}

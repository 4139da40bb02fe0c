import Castor
import Checkpoints
import Encoder
import FoundationEssentials

/// Folders of checkpoints, one file of which is changed: a model that opens and embeds, or an error.
final class CheckpointRun {
    private struct Place {
        let folder: String
        /// Its JSON files.
        let names: [String]
    }

    private var places: [Place] = []
    private let out: String
    private var refused = 0
    private var planned = 0
    private var written = 0

    private static let sources = [
        "Tests/Fixtures/families", "Tests/Fixtures/sentences", "Tests/Fixtures/static", "Tests/Fixtures/sounds",
    ]
    /// Models that are larger are planned and not written.
    private static let mostBytes = 4 << 20
    /// Of those that could be written, one in so many is.
    private static let writtenOneIn = 8

    init(scratch: String) throws {
        out = "\(scratch)/out"
        let files = FileManager.default
        for source in Self.sources {
            for name in try files.contentsOfDirectory(atPath: source).sorted() {
                guard Checkpoint.isThere("\(source)/\(name)") else { continue }
                let folder = "\(scratch)/\(places.count)"
                try files.copyItem(atPath: "\(source)/\(name)", toPath: folder)
                let names = try files.subpathsOfDirectory(atPath: folder).sorted().filter {
                    $0.hasSuffix(".json") && !$0.hasSuffix("golden.json") && !$0.hasSuffix("pictures.json")
                }
                places.append(Place(folder: folder, names: names))
            }
        }
    }

    var outcomes: String {
        "\(places.count) folders, \(refused) refused, \(planned) planned, of which \(written) written and opened"
    }

    func run(_ random: inout SeededGenerator, _ record: InputFile) throws {
        let place = places.randomElement(using: &random)!
        // Half of them configurations.
        let name =
            Bool.random(using: &random) && place.names.contains("config.json")
            ? "config.json" : place.names.randomElement(using: &random)!
        let path = "\(place.folder)/\(name)"
        let original = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let input = [original].mutated(&random, isJSON: Int.random(in: 0..<4, using: &random) > 0)
        try record.write(Array("\(place.names) \(name)\n".utf8) + input)
        let file = try InputFile(path)
        try file.write(input)
        defer { try? file.write(original) }

        let checkpoint: Checkpoint
        do { checkpoint = try Checkpoint(path: place.folder) } catch {
            guard !error.description.isEmpty else { throw Finding(description: "an error without words") }
            refused += 1
            return
        }
        planned += 1
        guard checkpoint.weightBytes() <= Self.mostBytes, Int.random(in: 0..<Self.writtenOneIn, using: &random) == 0
        else { return }
        defer { try? FileManager.default.removeItem(atPath: out) }
        do { try checkpoint.write(to: out) } catch { return }
        var options = Embedder.Options()
        options.threads = 1
        guard let embedder = try? Embedder(modelPath: out, options: options) else { return }
        written += 1
        guard checkpoint.spec.text != nil, let embedding = try? embedder.embed(Content("a sleepy kitten")) else {
            return
        }
        let norm = embedding.values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        guard abs(norm - 1) < 1e-5 else { throw Finding(description: "a vector of length \(norm)") }
    }
}

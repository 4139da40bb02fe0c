import Castor
import FoundationEssentials
import Glibc

/// Made texts through the whole path. A text goes in twice, as it is and behind characters that the vocabulary drops, and both must have one
/// vector and one number of tokens; every vector is finite and of unit length; what is no UTF-8 is refused.
///
/// The model is castor-nano with a short context, so that texts longer than the tokenizer reads at first cost microseconds.
enum TextRun {
    private static let contexts = [8, 24, 64]
    /// Texts that pass through the model together.
    private static let group = 64
    private static let tolerance: Float = 2e-6

    static func inProcess(count: Int, seed: UInt64) throws {
        let folder = "\(scratchFolder)/fuzz-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let embedders = try contexts.map { context in
            try Embedder(modelPath: try model(context, in: folder), options: oneThread)
        }
        let hostile = HostileText(dropped: try dropped(embedders[2]))
        say("embed: \(hostile.dropped.count) characters of \(HostileText.suspects.count) are dropped by the vocabulary")
        var limit = rlimit(rlim_cur: 6 << 30, rlim_max: 6 << 30)
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        let found = "Fuzzing/found/embed"
        try FileManager.default.createDirectory(atPath: "Fuzzing/found", withIntermediateDirectories: true)
        let record = try InputFile(found)
        var progress = Progress("embed", count: count)
        var done = 0
        var number: UInt64 = 0
        while done < count {
            var random = SeededGenerator(state: seed &* 0x9E37_79B9 &+ number)
            try record.write(Array("seed \(seed), group \(number)\n".utf8))
            alarm(60)
            do {
                try check(embedders[Int(number % 3)], hostile, &random)
            } catch let finding as Finding {
                say("embed: seed \(seed), group \(number): \(finding)")
                exit(1)
            }
            alarm(0)
            done += group
            number += 1
            progress.advance(by: group)
        }
        unlink(found)
        say("embed: \(done) executions, \(progress.rate) a second, no finding")
    }

    static var oneThread: Embedder.Options {
        var options = Embedder.Options()
        options.threads = 1
        return options
    }

    /// A copy of castor-nano with another context.
    static func model(_ context: Int, in folder: String) throws -> String {
        let path = "\(folder)/context-\(context)"
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "Tests/Fixtures/castor-nano", toPath: path)
        let json = String(decoding: try Data(contentsOf: URL(filePath: "\(path)/config.json")), as: UTF8.self)
        let changed = json.replacing("\"max_tokens\": 8192", with: "\"max_tokens\": \(context)")
        guard changed != json else { throw Finding(description: "castor-nano's configuration has changed") }
        try Data(changed.utf8).write(to: URL(filePath: "\(path)/config.json"))
        return path
    }

    /// Those of the suspects of which the vocabulary makes nothing but the end token.
    static func dropped(_ embedder: Embedder) throws -> [Unicode.Scalar] {
        try HostileText.suspects.filter { try embedder.embed(Content(String($0))).tokenCount == 1 }
    }

    private enum Expected {
        case vector
        /// That of the text before.
        case same
        /// As bytes of a file; not all are UTF-8.
        case vectorOrRefusal(isText: Bool)
    }

    private static func check(
        _ embedder: Embedder, _ hostile: HostileText, _ random: inout SeededGenerator
    ) throws {
        var contents: [Content] = []
        var expected: [Expected] = []
        while contents.count < group {
            if Int.random(in: 0..<8, using: &random) == 0 {
                let bytes = hostile.bytes(&random)
                contents.append([.data(bytes, mimeType: "text/plain")])
                expected.append(.vectorOrRefusal(isText: String(validating: bytes, as: UTF8.self) != nil))
                continue
            }
            let core = hostile.core(&random)
            contents += [Content(core), Content(hostile.prefix(&random) + core)]
            expected += [.vector, .same]
        }
        let results = embedder.embed(contents)
        for (index, result) in results.enumerated() {
            do {
                let embedding = try result.get()
                let values = embedding.values
                let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
                guard norm.isFinite, abs(norm - 1) < 1e-5 else {
                    throw Finding(description: "a vector of length \(norm)")
                }
                guard embedding.tokenCount > 0, embedding.tokenCount == embedding.usage.promptTokenCount else {
                    throw Finding(
                        description:
                            "\(embedding.tokenCount) tokens embedded, \(embedding.usage.promptTokenCount) counted")
                }
                switch expected[index] {
                case .vectorOrRefusal(isText: false): throw Finding(description: "a vector of what is no UTF-8")
                case .same:
                    let first = try results[index - 1].get()
                    // Where a text is cut amid a run that can be divided in several ways, it is divided by where it is cut.
                    guard first.tokenCount == embedding.tokenCount, first.truncated == embedding.truncated,
                        first.truncated || zip(first.values, values).allSatisfy({ abs($0 - $1) <= tolerance })
                    else {
                        throw Finding(
                            description:
                                "text \(index) behind dropped characters: \(embedding.tokenCount) tokens\(embedding.truncated ? ", cut" : ""), "
                                + "\(first.tokenCount) without\(first.truncated ? ", cut" : "")"
                        )
                    }
                case .vector, .vectorOrRefusal: break
                }
            } catch let error as EmbedError {
                if case .vectorOrRefusal(isText: false) = expected[index], error.kind == .input { continue }
                throw Finding(description: "text \(index): \(error)")
            }
        }
    }
}

import FoundationEssentials
import Glibc

/// castor-fuzz TARGET COUNT [SEED]: mutates files of the corpus and gives them to the target. An input that crashes, hangs or
/// gives what must not be is left in Fuzzing/found.
@main struct Fuzz {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3, let target = Target(rawValue: arguments[1]), let count = Int(arguments[2]) else {
            say("castor-fuzz \(Target.allCases.map(\.rawValue).joined(separator: "|")) COUNT [SEED]")
            exit(64)
        }
        let seed = arguments.count > 3 ? UInt64(arguments[3]) ?? 1 : 1
        switch target {
        case .embed: return try TextRun.inProcess(count: count, seed: seed)
        case .server: return try TextRun.throughServer(count: count, seed: seed)
        default: break
        }
        // From the top of the repository.
        let runner = try Runner(
            target, model: "Tests/Fixtures/castor-nano",
            scratch: "\(scratchFolder)/fuzz-\(getpid())")
        defer { try? FileManager.default.removeItem(atPath: runner.scratch) }
        let corpus = try Corpus(target)
        for (name, bytes) in corpus.regressions { try check(runner, bytes, name) }
        var limit = rlimit(rlim_cur: 6 << 30, rlim_max: 6 << 30)
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        let found = "Fuzzing/found/\(target.rawValue)"
        try FileManager.default.createDirectory(atPath: "Fuzzing/found", withIntermediateDirectories: true)
        let record = try InputFile(found)
        var progress = Progress(target.rawValue, count: count)
        for index in 0..<count {
            var random = SeededGenerator(state: seed &* 0x9E37_79B9 &+ UInt64(index))
            let input = Mutation.mutate(
                corpus.part(target.window, &random), corpus.part(target.window, &random), &random)
            try record.write(input)
            // A hang ends the process, and its input is on record.
            alarm(60)
            try check(runner, input, "seed \(seed), number \(index)")
            alarm(0)
            progress.advance()
        }
        unlink(found)
        say(
            "\(target.rawValue): \(corpus.files.count) files, \(corpus.regressions.count) regressions, \(count) executions, "
                + "\(progress.rate) a second, no finding")
    }

    private static func check(_ runner: Runner, _ bytes: [UInt8], _ what: String) throws {
        do { try runner.run(bytes) } catch {
            say("\(runner.target.rawValue): \(what): \(error)")
            exit(1)
        }
    }
}

/// Files that mutations start from, and inputs that were findings once.
struct Corpus {
    private(set) var files: [[UInt8]] = []
    private(set) var regressions: [(name: String, bytes: [UInt8])] = []

    /// A file, or as much of it.
    func part(_ size: Int?, _ random: inout SeededGenerator) -> [UInt8] {
        let file = files.randomElement(using: &random)!
        guard let size, file.count > size else { return file }
        let start = Int.random(in: 0...file.count - size, using: &random)
        return Array(file[start..<start + size])
    }

    /// The test media's document has pages as large as real ones, and costs twice as much as those made for this.
    private static func folders(_ target: Target) -> [String] {
        if target == .document { return ["Fuzzing/Corpus/document"] }
        if target == .tokenizerJSON { return ["Tests/TokenizersTests/Fixtures"] }
        return [
            "Tests/Fixtures/media", "Tests/MediaTests/Fixtures", "Tests/Fixtures", "Tests/Fixtures/castor-nano", "docs",
            "Fuzzing/Corpus/json", "Fuzzing/Corpus/audio",
        ]
    }
    private static let maxBytes = 600_000

    init(_ target: Target) throws {
        for folder in Self.folders(target) {
            for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
                guard let suffix = name.split(separator: ".").last, target.extensions.contains(String(suffix)),
                    // What a fixture's ids are is none.
                    !name.hasSuffix(".ids.json")
                else { continue }
                let bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))
                if bytes.count <= Self.maxBytes { files.append(bytes) }
            }
        }
        let folder = "Fuzzing/Regressions/\(target.rawValue)"
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder).sorted()) ?? [] {
            regressions.append((name, [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))))
        }
    }
}

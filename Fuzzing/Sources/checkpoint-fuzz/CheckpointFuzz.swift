import FoundationEssentials
import Glibc

/// CheckpointFuzz TARGET COUNT [SEED]: mutated files of open checkpoints, given to what `castor import` reads them with. Part of the
/// package itself, because the library's public face has no import.
@main struct CheckpointFuzz {
    private enum Target: String, CaseIterable {
        /// Configurations and tokenizers of every family, in their folders.
        case checkpoint
        /// Torch's own files, and the pickles in them alone.
        case torch, pickle
        case tokenizerJSON = "tokenizer-json"
    }

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3, let target = Target(rawValue: arguments[1]), let count = Int(arguments[2]) else {
            say("CheckpointFuzz \(Target.allCases.map(\.rawValue).joined(separator: "|")) COUNT [SEED]")
            exit(64)
        }
        let seed = arguments.count > 3 ? UInt64(arguments[3]) ?? 1 : 1
        var memory = rlimit(rlim_cur: 6 << 30, rlim_max: 6 << 30)
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &memory)
        let scratch = "\(scratchFolder)/checkpoint-fuzz-\(getpid())"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let found = "Fuzzing/found/\(target.rawValue)"
        try FileManager.default.createDirectory(atPath: "Fuzzing/found", withIntermediateDirectories: true)
        let record = try InputFile(found)

        let run: (_ random: inout SeededGenerator) throws -> Void
        let outcomes: () -> String
        switch target {
        case .checkpoint:
            let folders = try CheckpointRun(scratch: scratch)
            run = { random in try folders.run(&random, record) }
            outcomes = { folders.outcomes }
        case .torch, .pickle:
            let files = try TorchRun(scratch: scratch, ofPickles: target == .pickle)
            run = { random in try files.run(&random, record) }
            outcomes = { files.outcomes }
        case .tokenizerJSON:
            let folder = "Tests/TokenizersTests/Fixtures"
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            let files = try names.filter { $0.hasSuffix(".json") && !$0.hasSuffix(".ids.json") }.map {
                [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\($0)")))
            }
            run = { random in
                let input = files.mutated(&random, isJSON: Bool.random(using: &random))
                try record.write(input)
                try TokenizerRun.run(input)
            }
            outcomes = { "\(files.count) files" }
        }
        var progress = Progress(target.rawValue, count: count)
        for index in 0..<count {
            var random = SeededGenerator(state: seed &* 0x9E37_79B9 &+ UInt64(index))
            // A hang ends the process, and its input is on record.
            limit(seconds: 60)
            do { try run(&random) } catch {
                say("\(target.rawValue): seed \(seed), number \(index): \(error)")
                exit(1)
            }
            limit(seconds: 0)
            progress.advance()
        }
        unlink(found)
        say("\(target.rawValue): \(count) executions, \(progress.rate) a second, \(outcomes()), no finding")
    }
}

/// Of processor time from now on; 0 for none.
private func limit(seconds: Int) {
    var timer = itimerval(it_interval: timeval(), it_value: timeval(tv_sec: seconds, tv_usec: 0))
    setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
}

/// A result that no input may have.
struct Finding: Error, CustomStringConvertible {
    let description: String
}

extension [[UInt8]] {
    /// One of the files, changed.
    func mutated(_ random: inout SeededGenerator, isJSON: Bool) -> [UInt8] {
        let file = randomElement(using: &random)!
        return isJSON
            ? JSONMutation.mutate(file, &random) : Mutation.mutate(file, randomElement(using: &random)!, &random)
    }
}

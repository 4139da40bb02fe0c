import CastorNumerics
import FoundationEssentials
import Glibc
import KernelHelper
import TestSupport
import Testing

/// OpenBLAS itself, loaded in a process of its own: what runs, and what of it others notice.
@Suite struct KernelProcessTests {
    /// The families that this processor can be asked for; OpenBLAS may hold fewer, and run another in the place of one.
    private var ladder: [KernelFamily] { Processor.current.map(KernelFamily.ladder) ?? [] }

    @Test func fastestKernelsRun() throws {
        let outcome = try Helper.run(["2"])
        #expect(outcome["product"] == "right" && outcome["threads"] == "2")
        guard let processor = Processor.current, let running = outcome["running"].flatMap(KernelFamily.init) else {
            // Not x86, or a family that is on no ladder.
            #expect(outcome["why"]?.hasSuffix("(OpenBLAS's own choice)") == true)
            return
        }
        #expect(running.instructions == processor.instructions)
    }

    /// No thread but ours, and the environment as it was.
    @Test func loadingLeavesNothingBehind() throws {
        let outcome = try Helper.run(["3"])
        #expect(outcome["tasks"] == "3")
        #expect(outcome["OPENBLAS_CORETYPE"] == "unset" && outcome["OPENBLAS_NUM_THREADS"] == "unset")
        let set = try Helper.run(["1"], environment: ["OPENBLAS_NUM_THREADS": "4"])
        #expect(set["tasks"] == "1" && set["OPENBLAS_NUM_THREADS"] == "4")
    }

    /// Refuses one family after the other: the next one runs and computes rightly, and in the end nothing does.
    @Test func wrongProductsLeadToOtherKernels() throws {
        var refused: [String] = []
        while refused.count < 20 {
            let outcome = try Helper.run(["2"] + refused)
            guard let running = outcome["running"] else {
                #expect(outcome.status == 69)
                #expect(outcome["error"]?.hasPrefix("OpenBLAS multiplies wrongly on this processor: kernels ") == true)
                #expect(!refused.isEmpty && refused.allSatisfy { outcome["error"]?.contains($0) == true })
                return
            }
            #expect(outcome.status == 0 && outcome["product"] == "right")
            #expect(!refused.contains(running))
            if let last = refused.last {
                #expect(outcome["why"]?.hasSuffix("wrong products by \(refused.joined(separator: ", ")))") == true)
                let (before, now) = (KernelFamily(rawValue: last), KernelFamily(rawValue: running))
                if let before, let now { #expect(now.instructions <= before.instructions) }
            }
            refused.append(running)
        }
        Issue.record("no end: \(refused)")
    }

    @Test func settingOfTheUserStands() throws {
        for family in ladder {
            let outcome = try Helper.run(["1"], environment: ["OPENBLAS_CORETYPE": family.rawValue])
            #expect(outcome.status == 0 && outcome["product"] == "right")
            #expect(outcome["OPENBLAS_CORETYPE"] == family.rawValue)
            #expect(outcome["why"]?.hasSuffix(" (OPENBLAS_CORETYPE is \(family.rawValue))") == true)
        }
    }

    /// At any size of address space there is a result or a reason, and no waiting for memory. It grows by less than a buffer a step.
    @Test(arguments: stride(from: 100, through: 800, by: 50).map(\.self)) func addressSpace(megabytes: Int) throws {
        let outcome = try Helper.run(["3"], megabytes: megabytes)
        if let threads = outcome["threads"].flatMap({ Int($0) }) {
            #expect(outcome.status == 0 && outcome["product"] == "right")
            #expect((1...3).contains(threads) && threads * OpenBLAS.bufferBytes < megabytes << 20)
        } else {
            #expect(outcome.status == 69 && outcome["error"] != nil, "\(outcome)")
        }
    }

    @Test func roomForOneThreadIsEnough() throws {
        let room = (OpenBLAS.bufferBytes >> 20) * 2
        #expect(try Helper.run(["64"], megabytes: room)["threads"] == "1")
    }
}

/// Runs of KernelHelper.
private enum Helper {
    struct Outcome {
        var status: Int32
        var lines: [String: String]

        subscript(name: String) -> String? { lines[name] }
    }

    private static let path: String = {
        let bundle = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(filePath: bundle ?? "").deletingLastPathComponent().appending(path: "KernelHelper").path
    }()

    /// - Parameter megabytes: bound of the address space.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], megabytes: Int? = nil
    ) throws -> Outcome {
        try Folders.withTemporary { folder in
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn_file_actions_addopen(&actions, 1, "\(folder)/out", O_WRONLY | O_CREAT, 0o644)
            var variables = environment
            for name in ["PATH", "LD_LIBRARY_PATH"] {
                variables[name] = ProcessInfo.processInfo.environment[name]
            }
            let bound = megabytes.map { "ulimit -v \($0 << 10); " } ?? ""
            let words = ["/bin/sh", "-c", bound + #"exec "$0" "$@""#, path] + arguments
            let (argv, envp) = (words.map { strdup($0) } + [nil], variables.map { strdup("\($0)=\($1)") } + [nil])
            defer { (argv + envp).forEach { free($0) } }
            var process: pid_t = 0
            let code = posix_spawn(&process, "/bin/sh", &actions, nil, argv, envp)
            try #require(code == 0, "\(path): \(String(cString: strerror(code)))")
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7f
            let text = String(decoding: try Folders.read("\(folder)/out"), as: UTF8.self)
            var lines: [String: String] = [:]
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ", maxSplits: 1)
                lines[String(words[0])] = words.count > 1 ? String(words[1]) : ""
            }
            return Outcome(status: signal == 0 ? status >> 8 & 0xff : 128 + signal, lines: lines)
        }
    }
}

import Foundation
import Glibc
import TestSupport
import Testing

/// The built program, run as a user runs it.
enum CastorProgram {
    /// How a run ended.
    struct Outcome {
        /// Exit status, or 128 and the signal's number, as a shell reports it.
        let status: Int32
        let output: [UInt8]
        let errors: String
        /// Most memory held at once.
        let peakKilobytes: Int

        var text: String { String(decoding: output, as: UTF8.self) }
        var lines: [String] { text.split(separator: "\n").map(String.init) }
    }

    /// Beside the test bundle, which is this process's own executable.
    static let path: String = {
        let bundle = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: bundle ?? "").deletingLastPathComponent().appending(path: "castor").path
    }()

    /// The library that stands before fsync (Tests/PowerCut), beside it.
    static let powerCut = String(path.dropLast("castor".count)) + "libPowerCut.so"

    static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures").path
    static let nano = "\(fixtures)/castor-nano"
    static let repository = URL(fileURLWithPath: fixtures).deletingLastPathComponent().deletingLastPathComponent().path

    /// Runs to the end. What stands still is killed.
    static func run(
        _ arguments: [String], input: String = "/dev/null", in folder: Workspace, model: String? = nano,
        environment: [String: String] = [:]
    ) throws -> Outcome {
        try start(arguments, input: input, in: folder, model: model, environment: environment).wait()
    }

    /// Starts without waiting.
    static func start(
        _ arguments: [String], input: String = "/dev/null", in folder: Workspace, model: String? = nano,
        environment: [String: String] = [:]
    ) throws -> Running {
        try Running([path] + arguments, input: input, folder: folder, model: model, environment: environment)
    }

    /// A line of shell in which `castor` is the program.
    static func shell(_ line: String, in folder: Workspace) throws -> Outcome {
        let function = "castor() { \"$CASTOR\" \"$@\"; }; "
        return try Running(
            ["/bin/bash", "-c", function + line], input: "/dev/null", folder: folder, model: nano,
            environment: ["CASTOR": path]
        ).wait()
    }
}

/// A process at work; its output goes to files, so that no pipe can fill up.
final class Running {
    let process: pid_t
    private let folder: Workspace
    private let name: String

    /// Longest time between two looks at its memory.
    private static let pollMicroseconds = 20_000

    init(
        _ command: [String], input: String, folder: Workspace, model: String?, environment: [String: String]
    ) throws {
        self.folder = folder
        name = ".run-\(UUID().uuidString)"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "\(folder.path)/\(name).out", O_WRONLY | O_CREAT, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, "\(folder.path)/\(name).err", O_WRONLY | O_CREAT, 0o644)

        // Threads that run tests block signals, and a child inherits that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var variables = environment
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            variables[name] = ProcessInfo.processInfo.environment[name]
        }
        if let model { variables["CASTOR_MODEL"] = model }
        var child: pid_t = 0
        // env becomes the program: it is here for its --chdir, which Swift's Glibc does not offer for a child.
        let code = Self.withCStrings(["/usr/bin/env", "--chdir=\(folder.path)"] + command) { arguments in
            Self.withCStrings(variables.map { "\($0)=\($1)" }) { environment in
                posix_spawn(&child, "/usr/bin/env", &actions, &attributes, arguments, environment)
            }
        }
        try #require(code == 0, "\(command[0]): \(String(cString: strerror(code)))")
        process = child
    }

    func signal(_ number: Int32) {
        kill(process, number)
    }

    func wait() throws -> CastorProgram.Outcome {
        var (standstill, isKilled) = (Standstill(of: process), false)
        let pause = Standstill.Pause(longest: Self.pollMicroseconds)
        var status: Int32 = 0
        var peak = 0
        while waitpid(process, &status, WNOHANG) == 0 {
            peak = max(peak, peakKilobytes ?? 0)
            // One that has just ended stands still, too.
            if !isKilled, standstill.isReached(), waitpid(process, &status, WNOHANG) == 0 {
                kill(process, SIGKILL)
                isKilled = true
                Issue.record("killed, because it stood still; until then it had said: \(errorsSoFar)")
            }
            usleep(UInt32(pause.next()))
        }
        let ending = status & 0x7f
        return CastorProgram.Outcome(
            status: ending == 0 ? status >> 8 & 0xff : 128 + ending,
            output: try folder.bytes("\(name).out"),
            errors: String(decoding: try folder.bytes("\(name).err"), as: UTF8.self), peakKilobytes: peak)
    }

    /// Waits until `isTrue` or the process has ended, and sends the signal then; false where it had ended.
    func signal(_ number: Int32, when isTrue: () throws -> Bool) throws -> Bool {
        do { try Standstill.wait(for: process, until: isTrue) } catch is Standstill.Reached {}
        // Stopped it cannot end meanwhile.
        kill(process, SIGSTOP)
        var ending = siginfo_t()
        let code = waitid(P_PID, id_t(process), &ending, WEXITED | WSTOPPED | WNOWAIT)
        let isThere = code == 0 && Int(ending.si_code) == Int(CLD_STOPPED)
        kill(process, number)
        kill(process, SIGCONT)
        return isThere
    }

    /// What the program has said on standard error until now.
    var errorsSoFar: String {
        (try? folder.bytes("\(name).err")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Not `ru_maxrss`: that counts the memory of the process that forked, too.
    private var peakKilobytes: Int? {
        let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = strings.map { strdup($0) }
        defer { pointers.forEach { free($0) } }
        return body(pointers + [nil])
    }
}

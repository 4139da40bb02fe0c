import ArgumentParser
import Media

/// Where a server decodes the files of strangers.
enum DecoderPlace: String, ExpressibleByArgument, CaseIterable {
    case inside, outside

    /// Where they are to be; no process is started yet.
    ///
    /// - Parameters:
    ///   - place: nil for outside, and inside where no process can be started
    ///   - count: processes at most
    ///   - ready: those that are there from the start
    static func decoders(_ place: DecoderPlace?, count: Int, ready: Int) -> Decoders {
        guard place != .inside else { return .inside }
        var options = DecoderPool.Options()
        options.workers = count
        options.readyWorkers = ready
        return .outside(DecoderPool(options: options))
    }

    /// Starts the processes, and says on standard error what the kernel does not shut them out from.
    ///
    /// - Returns: false where there are none, and files are to be decoded inside
    static func start(_ decoders: Decoders, _ place: DecoderPlace?) throws -> Bool {
        guard case .outside(let pool) = decoders else { return true }
        do {
            warn(of: try pool.warmUp())
        } catch {
            guard place == nil else { throw Failure(.unavailable, "--decoders outside: \(error)") }
            Terminal.error("castor: warning: files are decoded inside the server (--decoders inside): \(error)\n")
            return false
        }
        return true
    }

    private static func warn(of confinement: DecoderConfinement) {
        if !confinement.systemCalls {
            Terminal.error("castor: warning: this kernel refuses decoders no system calls (it has no seccomp filter)\n")
        }
        if confinement.landlock == 0 {
            let rest = confinement.systemCalls ? "seccomp alone" : "nothing but their limits"
            Terminal.error("castor: warning: this kernel has no Landlock: decoders are shut in by \(rest)\n")
        }
    }
}

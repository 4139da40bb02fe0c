import ArgumentParser
import Media

/// Where a server decodes the files of strangers.
enum DecoderPlace: String, ExpressibleByArgument, CaseIterable {
    case inside, outside

    /// Starts the processes, `count` of them, and says on standard error what the kernel does not shut them out from.
    func decoders(count: Int) throws -> Decoders {
        guard self == .outside else { return .inside }
        var options = DecoderPool.Options()
        options.workers = count
        let pool = DecoderPool(options: options)
        do {
            let confinement = try pool.warmUp()
            if !confinement.systemCalls {
                Terminal.error(
                    "castor: warning: this kernel refuses decoders no system calls (it has no seccomp filter)\n")
            }
            if confinement.landlock == 0 {
                Terminal.error(
                    "castor: warning: this kernel has no Landlock: decoders are shut in by \(confinement.systemCalls ? "seccomp alone" : "nothing but their limits")\n"
                )
            }
        } catch {
            throw Failure(.unavailable, "--decoders outside: \(error)")
        }
        return .outside(pool)
    }
}

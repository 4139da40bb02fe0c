import Encoder
import Glibc

/// Ctrl-C, SIGTERM and a terminal that goes away while something is written that nobody should see in part: it is removed, then the program ends
/// by that signal. A second one does not wait.
enum StoppableWriting {
    nonisolated(unsafe) private static var noted: Int32 = 0

    /// Signals that are ignored stay so.
    static func run<Result>(_ body: () throws -> Result) rethrows -> Result {
        var before: [(signal: Int32, action: sigaction)] = []
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            var old = sigaction()
            sigaction(signal, nil, &old)
            guard old.__sigaction_handler.sa_handler == nil else { continue }
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { signal in
                if StoppableWriting.noted != 0 { _exit(128 + signal) }
                StoppableWriting.noted = signal
            }
            sigaction(signal, &action, nil)
            before.append((signal, old))
        }
        defer {
            for (signal, action) in before {
                var action = action
                sigaction(signal, &action, nil)
            }
            if noted != 0 { raise(noted) }
        }
        return try body()
    }

    /// Is asked for between two pieces of what is written to `path`.
    static func check(_ path: String) throws(ModelError) {
        if noted != 0 { throw .unreadable(path: path, reason: "is not written: stopped") }
    }
}

import Glibc

/// Standard output and standard error.
enum Terminal {
    static func error(_ text: String) {
        _ = try? write(Array(text.utf8), to: STDERR_FILENO)
    }

    static func output(_ bytes: [UInt8]) throws {
        try write(bytes, to: STDOUT_FILENO)
    }

    /// All bytes, or a failure that says why.
    static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        var start = 0
        while start < bytes.count {
            let written = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + start, bytes.count - start)
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw Failure(.cannotWrite, "cannot write: \(String(cString: strerror(errno)))")
            }
            start += written
        }
    }
}

/// Ctrl-C and SIGTERM, noted rather than obeyed at once, so that long work stops between two whole results.
enum Interruption {
    nonisolated(unsafe) private static var noted: sig_atomic_t = 0

    static func watch() {
        for signal in [SIGINT, SIGTERM] {
            // A second one ends the program the usual way.
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in Interruption.noted = 1 }
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
            sigaction(signal, &action, nil)
        }
    }

    static var isRequested: Bool { noted != 0 }
}

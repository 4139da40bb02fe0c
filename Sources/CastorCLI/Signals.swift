import Glibc

/// What signals do to the program, whatever the subcommand.
enum Signals {
    /// Before anything else.
    static func prepare() {
        // A file that reaches the limit of the shell is an error of the write, which has a message, not the end.
        signal(SIGXFSZ, SIG_IGN)
        // Swift's runtime would take a crash's backtrace: half a minute for a program of this size, in which a server that was to be started
        // again holds its port. Who wants one asks for it.
        guard getenv("SWIFT_BACKTRACE") == nil else { return }
        for signal in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] { Self.endAtOnce(signal) }
        signal(SIGQUIT, SIG_DFL)
    }

    /// One line, and the end that the signal has without us, which a shell, a supervisor and a core dump see.
    private static func endAtOnce(_ signal: Int32) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { signal in
            let notice: StaticString =
                "castor: ended by a bug or a damaged library; SWIFT_BACKTRACE=enable=yes in the environment shows where\n"
            _ = write(STDERR_FILENO, notice.utf8Start, notice.utf8CodeUnitCount)
            raise(signal)
        }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_NODEFER | SA_ONSTACK
        sigaction(signal, &action, nil)
    }
}

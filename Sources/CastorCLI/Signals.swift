import CastorNumerics
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
        // All that the handler asks is there before it.
        isBounded = AddressSpace.limit != nil && !OutOfMemory.hasToldWhy
        notice.lack = Self.line("castor: out of memory\(OutOfMemory.bound)\n")
        notice.allocation = Self.line(
            "castor: ended for want of memory where the line above says that it failed to allocate some, else by a bug or a damaged library\(advice)\n"
        )
        notice.bug = Self.line("castor: ended by a bug or a damaged library\(advice)\n")
        notice.shortened = Self.line(
            "castor: ended: a file became shorter, or could not be read, while it was used (a model's weights, or data)\n"
        )
        for signal in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] { Self.endAtOnce(signal) }
        signal(SIGQUIT, SIG_DFL)
    }

    private static let advice = "; SWIFT_BACKTRACE=enable=yes in the environment shows where"

    /// Ready before the signal: its handler may not allocate. Never freed.
    private nonisolated(unsafe) static var notice = (
        lack: UnsafeBufferPointer<UInt8>(start: nil, count: 0),
        allocation: UnsafeBufferPointer<UInt8>(start: nil, count: 0),
        bug: UnsafeBufferPointer<UInt8>(start: nil, count: 0),
        shortened: UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    )
    private nonisolated(unsafe) static var isBounded = false

    private static func line(_ text: String) -> UnsafeBufferPointer<UInt8> {
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
        _ = bytes.initialize(fromContentsOf: Array(text.utf8))
        return UnsafeBufferPointer(bytes)
    }

    /// One line, and the end that the signal has without us, which a shell, a supervisor and a core dump see. Want of memory is no crash: it has
    /// the status of what the machine lacks.
    private static func endAtOnce(_ signal: Int32) {
        var action = sigaction()
        action.__sigaction_handler.sa_sigaction = { signal, information, _ in
            if signal == SIGBUS, let information, information.pointee.si_code == Signals.addressWithoutFile {
                Signals.say(Signals.notice.shortened)
                _exit(ExitStatus.cannotRead.rawValue)
            }
            if OutOfMemory.hasToldWhy { _exit(ExitStatus.unavailable.rawValue) }
            // Threads, and whatever else ends a program that is refused it, need less than this.
            if Signals.isBounded, !AddressSpace.hasRoom(AddressSpace.reserveBytes) {
                Signals.say(Signals.notice.lack)
                _exit(ExitStatus.unavailable.rawValue)
            }
            // Swift's runtime says how much it did not get and aborts.
            Signals.say(signal == SIGABRT ? Signals.notice.allocation : Signals.notice.bug)
            raise(signal)
        }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_NODEFER | SA_ONSTACK | SA_SIGINFO
        sigaction(signal, &action, nil)
    }

    /// BUS_ADRERR: memory that is a file's is behind the file's end.
    private static let addressWithoutFile: Int32 = 2

    private static func say(_ line: UnsafeBufferPointer<UInt8>) {
        _ = write(STDERR_FILENO, line.baseAddress, line.count)
    }
}

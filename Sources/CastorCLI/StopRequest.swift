import Glibc

/// Ctrl-C and SIGTERM during a training: noted, since a step is not to be lost; a second one ends the program at once.
///
/// mpirun hands neither of them on: a second after its own it sends SIGTERM, and a second later SIGKILL
/// (odls_base_sigkill_timeout). SIGUSR1 it hands on at once, and ends nobody.
enum StopRequest {
    nonisolated(unsafe) private static var noted: sig_atomic_t = 0
    nonisolated(unsafe) private static var isAnnounced = false

    /// - Parameters:
    ///   - isShared: whether mpirun started this process, and others
    ///   - speaks: whether it is this one that says so; at once, for there may be no time later
    static func watch(isShared: Bool, speaks: Bool) {
        isAnnounced = isShared && speaks
        for signal in [SIGINT, SIGTERM] + (isShared ? [SIGUSR1] : []) {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { StopRequest.note($0) }
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
            sigaction(signal, &action, nil)
        }
    }

    /// In the signal's handler: nothing but what may be done there.
    private static func note(_ signal: Int32) {
        noted = signal
        guard isAnnounced else { return }
        let text: StaticString =
            "castor: told to stop: it does so after this step, with a checkpoint; if it is ended before, --resume goes on from the last one\n"
        let before = errno
        _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
        errno = before
    }

    static var isNoted: Bool { noted != 0 }

    /// As a shell reports a program that the signal ended.
    static var status: ExitStatus { noted == SIGTERM || noted == SIGUSR1 ? .terminated : .interrupted }
}

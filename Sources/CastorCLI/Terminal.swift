import Castor
import Glibc

/// Standard output and standard error.
enum Terminal {
    /// A line for people, or a part of one: of control characters only a newline at its end is one.
    static func error(_ text: String) {
        let endsLine = text.utf8.last == UInt8(ascii: "\n")
        let line = endsLine ? String(text.unicodeScalars.dropLast()) : text
        raw(line.printable + (endsLine ? "\n" : ""))
    }

    /// In the place of the line that the cursor is in.
    static func replaceLine(_ text: String = "") {
        raw("\r\u{1B}[K" + text.printable)
    }

    private static func raw(_ text: String) {
        _ = try? write(Array(text.utf8), to: STDERR_FILENO)
    }

    static func note(_ note: EmbedNote) {
        error("castor: note: \(note)\n")
    }

    static func output(_ bytes: [UInt8]) throws {
        try write(bytes, to: STDOUT_FILENO)
    }

    /// Ends the program at once. `exit` would run OpenBLAS's destructor under threads that still compute (docs/lessons.md).
    static func end(_ status: Int32) -> Never {
        fflush(nil)
        _exit(status)
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

/// Ctrl-C and SIGTERM during a batch: the program ends at once, since all that is written can be gone on from, but not inside
/// a write.
enum Interruption {
    nonisolated(unsafe) private static var noted: Int32 = 0
    nonisolated(unsafe) private static var isWriting = false
    /// What to say, ready before the signal: its handler may not allocate.
    nonisolated(unsafe) private static var message: UnsafeMutableBufferPointer<UInt8> = .allocate(capacity: 256)
    nonisolated(unsafe) private static var messageLength = 0
    /// A file that is there only while the program runs.
    nonisolated(unsafe) private static var passingFile: UnsafeMutablePointer<CChar>?

    static func watch() {
        message.update(repeating: 0)
        for signal in [SIGINT, SIGTERM] {
            // A second one ends the program the usual way.
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { signal in
                Interruption.noted = signal
                if !Interruption.isWriting { Interruption.end() }
            }
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
            sigaction(signal, &action, nil)
        }
    }

    static func removeAtEnd(_ path: String) {
        passingFile = strdup(path)
    }

    /// - Parameter notice: what a signal makes the program say from now on.
    static func whileWriting(_ notice: String, _ body: () throws -> Void) rethrows {
        isWriting = true
        try body()
        let clearLine = isatty(STDERR_FILENO) == 1 ? "\r\u{1B}[K" : ""
        messageLength = message.update(fromContentsOf: Array((clearLine + notice).utf8.prefix(message.count)))
        isWriting = false
        if noted != 0 { end() }
    }

    private static func end() -> Never {
        if let passingFile { unlink(passingFile) }
        _ = write(STDERR_FILENO, message.baseAddress, messageLength)
        // As a shell reports a program that a signal ended.
        _exit(128 + noted)
    }
}

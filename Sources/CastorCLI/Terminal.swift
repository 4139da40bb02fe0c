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

    /// Where the program was started with one of the three closed, the next file that is opened would be it. Reading or writing it stays an error.
    static func holdClosedDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
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
            let isLineEnd = start > 0 && bytes[start - 1] == UInt8(ascii: "\n")
            let room = Interruption.waitForRoom(descriptor, isLineEnd: isLineEnd) ?? Int.max
            let written = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + start, min(room, bytes.count - start))
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
/// a write of whole lines. One to a pipe whose reader does not read ends where it stands.
enum Interruption {
    nonisolated(unsafe) private static var noted: Int32 = 0
    nonisolated(unsafe) private static var isWriting = false
    /// A pipe of the program's own: the handler writes to it, and so ends what waits for another.
    nonisolated(unsafe) private static var bell: (read: Int32, write: Int32)?
    /// What to say, ready before the signal: its handler may not allocate.
    nonisolated(unsafe) private static var message: UnsafeMutableBufferPointer<UInt8> = .allocate(capacity: 256)
    nonisolated(unsafe) private static var messageLength = 0
    /// A file that is there only while the program runs.
    nonisolated(unsafe) private static var passingFile: UnsafeMutablePointer<CChar>?

    static func watch() {
        message.update(repeating: 0)
        var ends: [Int32] = [0, 0]
        if pipe(&ends) == 0 {
            for end in ends {
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
                _ = fcntl(end, F_SETFL, O_NONBLOCK)
            }
            bell = (ends[0], ends[1])
        }
        for signal in [SIGINT, SIGTERM] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { signal in
                // A second one does not wait for anything.
                let isSecond = Interruption.noted != 0
                Interruption.noted = signal
                if isSecond || !Interruption.isWriting { Interruption.end() }
                if let bell = Interruption.bell { _ = Glibc.write(bell.write, "!", 1) }
            }
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

    /// From now on a first signal is noted, and the work asks for it where it can stop; a second one ends the program at once.
    ///
    /// - Parameter notice: what the second one makes the program say
    static func hold(_ notice: String) {
        watch()
        messageLength = message.update(fromContentsOf: Array(notice.utf8.prefix(message.count)))
        isWriting = true
    }

    /// The signal that was noted; nil before there was one.
    static var signal: Int32? { noted == 0 ? nil : noted }

    /// What one write may take without waiting, as soon as it can; nil where nothing has to be waited for. Does not return where a signal
    /// came and the reader takes nothing more, or all lines so far are whole.
    static func waitForRoom(_ descriptor: Int32, isLineEnd: Bool) -> Int? {
        guard isWriting, let bell, canBlock(descriptor) else { return nil }
        while true {
            if noted != 0, isLineEnd { end() }
            var polled = [
                pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0),
                pollfd(fd: bell.read, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&polled, 2, noted == 0 ? -1 : 0)
            // A pipe that is ready has room for a page. What else poll has to tell, the write does.
            if polled[0].revents != 0 { return Int(PIPE_BUF) }
            if noted != 0 { end() }
        }
    }

    private static func canBlock(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
    }

    private static func end() -> Never {
        if let passingFile { unlink(passingFile) }
        _ = write(STDERR_FILENO, message.baseAddress, messageLength)
        // As a shell reports a program that a signal ended.
        _exit(128 + noted)
    }
}

/// `1 line`, `2 lines`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

import Glibc

/// A file that holds one input after the other. It survives whatever happens to the process, and it stays open and as long as
/// it was where it can: a new file for each input of 500 kB would take a fifth of the time.
final class InputFile {
    private let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Finding(description: "\(path) cannot be opened") }
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) throws {
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count, ftruncate(descriptor, off_t(bytes.count)) == 0
        else { throw Finding(description: "\(path) cannot be written") }
    }
}

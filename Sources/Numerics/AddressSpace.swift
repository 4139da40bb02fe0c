internal import COpenBLAS
import Glibc
import Synchronization

/// What `ulimit -v` leaves a process. Without such a bound there is always room: the kernel promises more memory than it has.
package enum AddressSpace {
    /// Bytes in all; nil without a bound.
    package static let limit: Int? = {
        let bytes = castor_address_space_limit()
        return bytes < 0 ? nil : Int(bytes)
    }()

    /// A thread's stack, where the address space is bounded. macOS gives its threads 512 KiB.
    package static let stackBytes = 2 << 20

    /// Left free by all that is large and can be refused: for stacks, and for the many small things that cannot.
    package static let reserveBytes = 32 << 20

    /// Lets the process do with less, where it is bounded. Before there is a second thread.
    package static func prepare() {
        if limit != nil { castor_save_address_space(stackBytes) }
    }

    /// Whether so many bytes can be had in one piece.
    package static func hasRoom(_ bytes: Int) -> Bool {
        limit == nil || castor_has_address_space(max(bytes, 1))
    }

    /// The same, with ``reserveBytes`` left then.
    package static func hasRoomToSpare(_ bytes: Int) -> Bool { hasRoom(bytes + reserveBytes) }
}

/// Memory that the machine did not give.
package struct OutOfMemory: Error, Sendable, Equatable, CustomStringConvertible {
    /// In one piece.
    package let bytes: Int

    package init(bytes: Int) {
        self.bytes = bytes
    }

    /// For small things that nobody can do without: one line, and the end.
    func endProcess() -> Never {
        let line = Array("castor: \(self)\n".utf8)
        write(STDERR_FILENO, line, line.count)
        Self.toldWhy.store(true, ordering: .sequentiallyConsistent)
        abort()
    }

    private static let toldWhy = Atomic<Bool>(false)

    /// Whether a line on standard error has said why the process ends, so that the handler of the signal need not.
    package static var hasToldWhy: Bool { toldWhy.load(ordering: .sequentiallyConsistent) }

    package var description: String {
        "out of memory: \(Self.megabytes(bytes)) more are needed\(Self.bound)"
    }

    /// Who sets the bound; empty without one.
    package static var bound: String {
        AddressSpace.limit.map { ", and ulimit -v bounds the process to \(megabytes($0))" } ?? ""
    }

    /// Rounded up.
    package static func megabytes(_ bytes: Int) -> String {
        "\(bytes / 1_000_000 + (bytes % 1_000_000 > 0 ? 1 : 0)) MB"
    }
}

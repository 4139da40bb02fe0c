import Castor
import Glibc
import NIOCore

/// Why the server does not listen.
package struct StartupFailure: Error, Sendable, CustomStringConvertible {
    /// Who has to act, and so which exit status the program ends with.
    package enum Cause: Sendable {
        /// The model's folder is damaged.
        case model
        /// The machine lacks memory, or what computing needs.
        case machine
        /// The port, the address or the certificate cannot be had.
        case address
    }

    package let cause: Cause
    package let description: String

    private init(_ cause: Cause, _ description: String) {
        self.cause = cause
        self.description = description
    }

    init(_ error: EmbedError) {
        self.init(error.kind == .machine ? .machine : .model, error.description)
    }

    init(_ error: ModelLoadError) {
        self.init(error.isMachine ? .machine : .model, error.description)
    }

    static let noThread = StartupFailure(.machine, "the machine gives no more threads (ulimit -u, ulimit -v)")

    init(unusable certificate: String) {
        self.init(.address, certificate)
    }

    init(lacking memory: String) {
        self.init(.machine, memory)
    }

    /// What a person can do about a port or an address that cannot be had.
    init(_ error: IOError, _ options: ServerOptions) {
        let description =
            switch error.errnoCode {
            case EADDRINUSE: "port \(options.port) of \(options.host) is in use; choose another with --port"
            case EACCES, EPERM:
                "port \(options.port) is for privileged programs alone; choose one above 1023 with --port"
            case EADDRNOTAVAIL: "\(options.host) is no address of this machine; choose another with --host"
            default: error.description
            }
        self.init(.address, description)
    }

    init(unknownHost host: String) {
        self.init(.address, "no machine of the name \(host) is known; choose another with --host")
    }
}

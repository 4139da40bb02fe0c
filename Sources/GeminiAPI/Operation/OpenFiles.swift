import Glibc

/// Files and connections that the process may have open.
package enum OpenFiles {
    /// More than 1,024, which is what most systems begin with: a connection has one, and the file that it is sent another.
    private static let wanted: rlim_t = 1 << 16

    /// Asks for as many as the system lets every process have; what it does not give is gone without.
    package static func raiseLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        let most = min(wanted, limit.rlim_max)
        guard limit.rlim_cur < most else { return }
        limit.rlim_cur = most
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// For files, decoders, the database and whatever else is no connection.
    private static let keptFromConnections = 48

    /// So many connections at most leave room for the rest. Whoever takes more is refused files, and asks again without end.
    package static func connections(wanted: Int) -> (count: Int, openFiles: Int) {
        raiseLimit()
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return (wanted, .max) }
        let files = Int(clamping: limit.rlim_cur)
        return (min(wanted, max(1, files - keptFromConnections)), files)
    }
}

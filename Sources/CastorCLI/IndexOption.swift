import ArgumentParser
import Glibc
import Search

/// Which index, for every subcommand that needs one.
struct IndexOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Folder of the index. Default: the environment's CASTOR_INDEX, else castor/index in XDG_DATA_HOME, which is ~/.local/share.",
            valueName: "dir"), completion: .directory)
    var index: String?

    var path: String {
        get throws {
            if let index { return index }
            if let path = Self.variable("CASTOR_INDEX") { return path }
            // As the specification has it: what is not absolute does not count.
            if let data = Self.variable("XDG_DATA_HOME"), data.hasPrefix("/") { return "\(data)/castor/index" }
            guard let home = Self.variable("HOME") else {
                throw Failure(.usage, "no index: name a folder by --index, or set HOME")
            }
            return "\(home)/.local/share/castor/index"
        }
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}

extension IndexOption {
    /// As people type it for this index.
    var command: String { SearchError.command(index) }
}

extension Failure {
    /// - Parameter index: the index where it was named, so that the commands which the message advises are for it
    init(_ error: SearchError, index: String?) {
        self.init(Failure(error).status, error.description(of: index))
    }
}

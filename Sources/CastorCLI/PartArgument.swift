public import ArgumentParser
public import Castor
import Glibc

/// A part on the command line: text, or `@path`; `@@x` is a text that starts with @.
struct PartArgument {
    let part: Part

    init(_ argument: String) throws {
        if argument.hasPrefix("@@") {
            part = .text(String(argument.dropFirst()))
        } else if argument == "@" {
            throw ValidationError("behind @ comes the name of a file; @@ is a text that starts with @")
        } else if argument.hasPrefix("@") {
            part = .file(String(argument.dropFirst()))
        } else {
            part = .text(argument)
        }
    }
}

extension PartArgument {
    var isText: Bool { if case .text = part { true } else { false } }

    /// Says of each text that is a file's name what became of it.
    static func noteFiles(_ parts: [PartArgument], _ outcome: String) {
        for case .text(let text) in parts.map(\.part) {
            var status = stat()
            guard stat(text, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { continue }
            Terminal.error("castor: note: \(text.printable) is a file, and \(outcome)\n")
        }
    }
}

/// A task by the service's name, in any case.
extension TaskType: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(name: argument)
    }

    public static var allValueStrings: [String] { allCases.map { $0.rawValue.lowercased() } }
}

import ArgumentParser
import Castor
import CastorNumerics
import Glibc

/// The program `castor`: a thin file a subcommand.
@main
struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "castor",
        abstract: "Text, images and sound as vectors of one space, on this machine.",
        version: Version.current,
        subcommands: [
            EmbedCommand.self, SimilarityCommand.self, TrainCommand.self, EvaluateCommand.self, CompareCommand.self,
            MapCommand.self, SoupCommand.self, ServeCommand.self, IndexCommand.self, SearchCommand.self,
            ImportCommand.self, InfoCommand.self, JoinCommand.self, InitCommand.self,
        ])

    static let _errorLabel = "castor"

    static func main() async {
        AddressSpace.prepare()
        Signals.prepare()
        Terminal.holdClosedDescriptors()
        do {
            try refuseInvalidUTF8()
            try suggestCommand()
            var command = try parseAsRoot()
            if var server = command as? any AsyncParsableCommand {
                try await server.run()
                Terminal.end(0)
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            for (index, message) in failure.messages.enumerated() {
                Terminal.error("\(index == 0 ? "castor: " : "")\(message)\n")
            }
            Terminal.end(failure.status.rawValue)
        } catch {
            exit(withError: error)
        }
    }

    /// For a name that is nearly a command's: the parser only says that it did not expect it.
    private static func suggestCommand() throws {
        guard let given = CommandLine.arguments.dropFirst().first, !given.hasPrefix("-") else { return }
        let names = configuration.subcommands.map { $0._commandName } + ["help"]
        guard !names.contains(given), let meant = Spelling.nearest(to: given, among: names) else { return }
        throw ValidationError("there is no command \(given). Did you mean \(meant)?")
    }

    /// Swift repairs damaged arguments silently; a repaired text would give the vector of another text.
    private static func refuseInvalidUTF8() throws {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[index] else { continue }
            guard String(validatingCString: argument) != nil else {
                throw Failure(.badInput, "argument \(index) is not valid UTF-8")
            }
        }
    }
}

enum Version {
    static let current = "0.2.0"
}

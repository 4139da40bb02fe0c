import ArgumentParser

@main
struct Program: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "castor")
}

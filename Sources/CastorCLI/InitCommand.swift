import ArgumentParser
import Castor
import Encoder

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Writes untrained weights for the configuration in a model folder.",
        discussion:
            "The weights are a pure function of config.json and the seed. Vectors mean nothing until they are trained.")

    @Argument(help: ArgumentHelp("Folder with config.json.", valueName: "dir"), completion: .directory)
    var folder: String

    @Option(help: "Any whole number; the same one gives the same weights.")
    var seed: UInt64 = 1

    func run() throws {
        let weights = "\(folder)/\(Model.weightsName)"
        if let file = try? SafeTensors(path: weights), file.metadata["castor.state"] == "trained" {
            throw Failure(.cannotWrite, "\(weights) holds trained weights; move it away to make untrained ones")
        }
        try OutputFile(weights).refuse(
            inputs: [Model.configurationName, Model.tokenizerName].map { "\(folder)/\($0)" })
        do {
            let count = try Initialization.writeUntrained(modelAt: folder, seed: seed)
            Terminal.error("\(folder): \(count) untrained parameters, seed \(seed)\n")
        } catch .unreadable(let path, let reason) where path == weights {
            throw Failure(.cannotWrite, "\(weights): \(reason)")
        } catch {
            throw Failure(ModelLoadError(error))
        }
    }
}

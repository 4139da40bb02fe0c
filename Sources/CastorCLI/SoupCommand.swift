import ArgumentParser
import CastorNumerics
import Encoder
import Training

struct SoupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soup",
        abstract: "Averages the weights of models that were trained from the same start.",
        discussion: """
            The models must have the same configuration and tokenizer. The result often does better than the best of them, at no \
            cost when it is used.
            """)

    @Argument(
        help: ArgumentHelp("Folder to write; it is made if it does not exist.", valueName: "out"),
        completion: .directory)
    var output: String

    @Argument(help: ArgumentHelp("Model folders.", valueName: "model"), completion: .directory)
    var models: [String]

    @Option(help: ArgumentHelp("Weight of each model, in their order. Default: all alike.", valueName: "a,b,c"))
    var weights: String?

    func run() throws {
        try OutputFile(output).refuse(inputs: models)
        // A folder of its own may still hold links to what is averaged.
        for file in ModelOption.files(ofModel: output) {
            try OutputFile(file).refuse(inputs: models.flatMap(ModelOption.files(ofModel:)))
        }
        do {
            try ModelSoup.write(
                models, weights: try parsedWeights, to: output, pool: .opened(threads: nil))
        } catch let error as TrainingError {
            throw Failure(error)
        }
        Terminal.error("\(output): mean of \(counted(models.count, "model"))\n")
    }

    private var parsedWeights: [Double]? {
        get throws {
            try weights?.split(separator: ",", omittingEmptySubsequences: false).map { text in
                guard let value = Double(text) else {
                    throw ValidationError("--weights: \"\(text)\" is not a number")
                }
                return value
            }
        }
    }
}

extension Failure {
    init(_ error: TrainingError) {
        if case .model(.notFound) = error {
            self.init(.notFound, error.description)
        } else {
            self.init(.badInput, error.description)
        }
    }
}

import ArgumentParser
import Castor

struct SimilarityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "similarity",
        abstract: "The cosine of two parts, from -1 to 1.",
        discussion: "castor similarity \"a sleepy kitten\" @cat.png")

    @OptionGroup var model: ModelOption

    @Option(help: ArgumentHelp("Values of the vectors, 1 to 3072.", valueName: "n"))
    var dimensions: Int?

    @Option(help: ArgumentHelp("What the vectors are for; its prompt goes before texts.", valueName: "name"))
    var task: TaskType?

    @Argument(help: "A text, or @path for a file (@@x for a text that starts with @).", transform: PartArgument.init)
    var first: PartArgument

    @Argument(help: "What it is compared with: a text or @path, too.", transform: PartArgument.init)
    var second: PartArgument

    func run() throws {
        let embedder = try model.open()
        PartArgument.noteFiles([first, second], "was compared as words; @ before it compares what is in it")
        var options = EmbedOptions()
        options.files = .relative(to: ".")
        options.dimensions = dimensions
        options.task = task
        let vectors = embedder.embed([Content([first.part]), Content([second.part])], options: options)
        var values: [[Float]] = []
        for (index, result) in vectors.enumerated() {
            switch result {
            case .success(let embedding):
                if embedding.truncated { Terminal.error(EmbedCommand.truncationNotice("part \(index + 1)")) }
                for note in embedding.notes { Terminal.note(note.numbered(index + 1)) }
                values.append(embedding.values)
            case .failure(let error): throw Failure(error.numbered(index + 1))
            }
        }
        let cosine = zip(values[0], values[1]).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        try Terminal.output(Array("\((cosine * 1e6).rounded() / 1e6)\n".utf8))
    }
}

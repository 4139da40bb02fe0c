import ArgumentParser
import Castor
import Checkpoints
import Encoder

struct JoinCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Puts a picture or sound tower beside a text model, to be trained.",
        discussion: """
            castor join all-MiniLM-L6-v2/ models/joined --image dinov2-small/

            The tower's vectors go through one more product into the text model's space. It starts at random: pictures and sounds mean \
            nothing until castor train has trained it, with "train": ["image.head.*"] or ["audio.head.*"] in the recipe (docs/training.md). \
            Folders may be those of open checkpoints.
            """)

    @Argument(help: ArgumentHelp("Folder of the text model.", valueName: "text"), completion: .directory)
    var text: String

    @Argument(help: ArgumentHelp("Folder to make.", valueName: "out"), completion: .directory)
    var output: String

    @Option(help: ArgumentHelp("Folder of a model with a picture tower.", valueName: "dir"), completion: .directory)
    var image: String?

    @Option(help: ArgumentHelp("Folder of a model with a sound tower.", valueName: "dir"), completion: .directory)
    var audio: String?

    @Option(help: ArgumentHelp("Name under which it is served. Default: that of the text model.", valueName: "name"))
    var name: String?

    @Option(help: "Any whole number; the same one gives the same product.")
    var seed: UInt64 = 1

    func validate() throws {
        if image == nil, audio == nil { throw ValidationError("nothing to join: give --image, --audio or both") }
    }

    func run() throws {
        do {
            var joined = try JoinedModel(
                text: ImportedModels.folder(for: text), image: image.map { try ImportedModels.folder(for: $0) },
                audio: audio.map { try ImportedModels.folder(for: $0) })
            if let name { try joined.rename(name) }
            try StoppableWriting.run {
                do throws(ModelError) {
                    try joined.write(to: output, seed: seed) { () throws(ModelError) in
                        try StoppableWriting.check(output)
                    }
                } catch {
                    throw Failure(.cannotWrite, error.description)
                }
            }
            _ = try ModelOption.open(output, threads: nil)
            Terminal.error("\(output): \(joined.untrained.joined(separator: ", ")) to be trained, seed \(seed)\n")
        } catch let error as CheckpointError {
            throw Failure(error)
        }
    }
}

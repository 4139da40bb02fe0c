import ArgumentParser
import Castor
import CastorNumerics
import Checkpoints
import Encoder

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Turns an open checkpoint into a model folder.",
        discussion: """
            FOLDER is what one fetches from a model hub: config.json, tokenizer.json and safetensors, with the files of \
            sentence-transformers where there are any. Nothing in it is executed. docs/models.md lists what can be imported. The other \
            commands take such a folder as --model, too, and import it to a cache first.
            """)

    @Argument(help: ArgumentHelp("Folder of the checkpoint.", valueName: "folder"), completion: .directory)
    var folder: String

    @Argument(help: ArgumentHelp("Folder to make.", valueName: "out"), completion: .directory)
    var output: String

    @Option(
        help: ArgumentHelp(
            "Format of the weights: float32, bfloat16 or int8 (a quarter of float32). Default: as they came.",
            valueName: "format"))
    var precision: Precision?

    @Option(help: ArgumentHelp("Name under which it is served. Default: that of the folder.", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "What stands before texts of a task, as --prompt 'query=query: ' --prompt 'document=passage: '; default is for no task. May be given again.",
            valueName: "name=text"))
    var prompt: [String] = []

    @Option(
        help: ArgumentHelp(
            "Media whose towers are left out, with commas between: image, audio.", valueName: "media"))
    var without: MediaList?

    func validate() throws {
        if without?.media.contains(.text) ?? false {
            throw ValidationError("--without text: texts cannot be left out; image and audio can")
        }
        var names: Set<Substring> = []
        for prompt in prompt {
            let parts = prompt.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else {
                throw ValidationError("--prompt \"\(prompt)\" is not of the form name=text")
            }
            guard names.insert(parts[0]).inserted else {
                throw ValidationError("--prompt: \(parts[0]) is given twice")
            }
        }
        if let name, name.hasPrefix("gemini-embedding-") || name.contains("/") || name.isEmpty {
            throw ValidationError(
                "--name \"\(name)\": a name has no slash, and those of the hosted models are served beside it")
        }
    }

    func run() throws {
        do {
            var checkpoint = try Checkpoint(path: folder, without: without?.media ?? [])
            if let name { try checkpoint.rename(name) }
            checkpoint.addPrompts(
                Dictionary(
                    uniqueKeysWithValues: prompt.map { prompt in
                        let parts = prompt.split(separator: "=", maxSplits: 1)
                        return (String(parts[0]), String(parts[1]))
                    }))
            try Self.write(checkpoint, to: output, precision)
            // What cannot be opened is no result.
            let info = try ModelOption.open(output, threads: nil).info
            Terminal.error(
                "\(output): \(info.name), \(info.family), \(info.media.joined(separator: ", ")); \(info.parameters) parameters, "
                    + "\(info.dimensions) values, \(info.maxTokens) tokens a content\n")
        } catch let error as CheckpointError {
            throw Failure(error)
        }
    }

    static func write(_ checkpoint: Checkpoint, to path: String, _ precision: Precision?) throws {
        let total = checkpoint.weightBytes(precision)
        var progress = Progress()
        do throws(ModelError) {
            let written: Result<Void, ModelError> = StoppableWriting.run {
                do throws(ModelError) {
                    return .success(
                        try checkpoint.write(to: path, precision: precision) { (bytes) throws(ModelError) in
                            try StoppableWriting.check(path)
                            progress.update(bytes: bytes, of: total)
                        })
                } catch { return .failure(error) }
            }
            try written.get()
        } catch {
            progress.finish()
            if case .unreadable(let failed, _) = error, failed.hasPrefix(path) {
                throw Failure(.cannotWrite, error.description)
            }
            throw Failure(ModelLoadError(error))
        }
        progress.finish()
    }
}

/// Names of media with commas between them.
struct MediaList: ExpressibleByArgument {
    let media: Set<Modality>

    init?(argument: String) {
        var media: Set<Modality> = []
        for name in argument.split(separator: ",") {
            switch name {
            case "text": media.insert(.text)
            case "image", "images": media.insert(.image)
            case "audio", "sound", "sounds": media.insert(.audio)
            default: return nil
            }
        }
        self.media = media
    }
}

extension Precision: ExpressibleByArgument {}

extension Failure {
    init(_ error: CheckpointError) {
        if case .notFound = error {
            self.init(.notFound, error.description)
        } else {
            self.init(.badInput, error.description)
        }
    }
}

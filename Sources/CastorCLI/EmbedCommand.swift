import ArgumentParser
import Castor

struct EmbedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "One vector for all parts together, or one for each, or one for each line of a file.",
        discussion: """
            castor embed "a dog barks" @dog.jpg @bark.wav
            castor embed --each --format npy --output vectors.npy @a.png @b.png
            castor embed --batch contents.jsonl --output vectors.jsonl

            A part is a text, or @path for a file; @@x is a text that starts with @. Put -- before a text that starts with -.

            A batch line is {"key": "..", "request": {"content": {"parts": [..]}}}, as in the hosted service's batch files. \
            Its result is {"key": "..", "response": {"embedding": {"values": [..]}}} or {"key": "..", "error": {..}}. \
            A batch that was interrupted goes on where it stopped when the same command is given again; lines that failed are tried \
            again, and lines that were edited, or whose files were, are embedded again.

            Exit status: 0; 64 wrong usage; 65 bad input; 66 not found; 69 no OpenBLAS, or no memory; 73 cannot write. \
            A batch whose lines failed ends with 0.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case json, jsonl, npy, text
    }

    @OptionGroup var model: ModelOption

    @Option(
        help: ArgumentHelp(
            "Values of the vector, 1 or more. Default, and most: the model's own number, of castor-small 3072.",
            valueName: "n"))
    var dimensions: Int?

    @Option(help: ArgumentHelp("What the vector is for; its prompt goes before the first text.", valueName: "name"))
    var task: TaskType?

    @Option(help: ArgumentHelp("The document's title, with --task retrieval_document.", valueName: "text"))
    var title: String?

    @Flag(help: "One vector a part, instead of one for all.")
    var each = false

    @Flag(help: "Refuse what is longer than the context, instead of cutting its end.")
    var noTruncate = false

    @Flag(help: "Embed the audio track of a video, too; the video may then be 80 s long.")
    var audioTrack = false

    @Flag(help: "Read the text of PDF pages that have none by OCR, where Castor was built with it.")
    var documentOcr = false

    @Option(help: "json, jsonl (a line a vector), npy (NumPy, f32), or text (values between spaces).")
    var format = Format.json

    @Option(
        help: ArgumentHelp("Contents from a JSONL file, - for standard input.", valueName: "file"), completion: .file())
    var batch: String?

    @Flag(
        help:
            "With --batch: let each line's taskType choose a prompt. The hosted service ignores it, and so does Castor by default, unless the model was imported."
    )
    var applyTaskPrompts = false

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Write here instead of to standard output.", valueName: "file"),
        completion: .file())
    var output: String?

    @Flag(help: "Say on standard error how long opening the model, embedding and writing took.")
    var timing = false

    @Argument(help: "Texts and @files.", transform: PartArgument.init)
    var parts: [PartArgument] = []

    func validate() throws {
        if batch == nil, parts.isEmpty { throw ValidationError("nothing to embed: give parts, or --batch FILE") }
        if batch != nil, !parts.isEmpty {
            throw ValidationError("--batch takes its contents from the file, not from parts")
        }
        if batch != nil, each { throw ValidationError("--each is for parts; a batch has one vector a line") }
        if batch != nil, format != .json, format != .jsonl { throw ValidationError("--batch writes JSONL") }
        if title != nil, task != .retrievalDocument {
            throw ValidationError("--title goes with --task retrieval_document")
        }
        if let dimensions, dimensions < 1 { throw ValidationError("--dimensions must be 1 or more, not \(dimensions)") }
        if batch != nil, timing { throw ValidationError("--timing is for parts") }
        if applyTaskPrompts, batch == nil { throw ValidationError("--apply-task-prompts goes with --batch") }
    }

    func run() throws {
        let start = Progress.now
        if let output {
            let files = parts.map { if case .file(let path, _) = $0.part.media { path } else { String?.none } }
            for file in batch == nil ? [output] : BatchOutput.paths(of: output) {
                try OutputFile(file).refuse(inputs: [batch] + files + model.files)
            }
        }
        let embedder = try model.open()
        var options = EmbedOptions()
        options.dimensions = dimensions
        options.task = task
        options.title = title
        options.autoTruncate = !noTruncate
        options.audioTrackExtraction = audioTrack
        options.documentOCR = documentOcr
        options.files = .relative(to: ".")
        if let batch {
            // As the server does: what the hosted model ignores, an imported one was made for.
            let appliesPrompts = applyTaskPrompts || embedder.info.isImported
            try BatchRun(embedder: embedder, options: options, applyTaskPrompts: appliesPrompts)
                .run(input: batch, output: output)
            return
        }
        PartArgument.noteFiles(parts, "was embedded as words; @ before it embeds what is in it")
        let opened = Progress.now
        let contents = each ? parts.map { Content([$0.part]) } : [Content(parts.map(\.part))]
        var embeddings: [Embedding] = []
        var progress = Progress()
        while embeddings.count < contents.count {
            let group = contents[embeddings.count..<min(embeddings.count + Self.groupContents, contents.count)]
            for result in embedder.embed(Array(group), options: options) {
                let number = embeddings.count + 1
                switch result {
                case .success(let embedding):
                    if embedding.truncated {
                        progress.finish()
                        Terminal.error(Self.truncationNotice(each ? "part \(number)" : "the content"))
                    }
                    if !embedding.notes.isEmpty { progress.finish() }
                    for note in embedding.notes { Terminal.note(each ? note.numbered(number) : note) }
                    embeddings.append(embedding)
                case .failure(let error):
                    progress.finish()
                    throw Failure(each ? error.numbered(number) : error)
                }
            }
            let count = embeddings.count
            progress.update(items: count, total: count, share: Double(count) / Double(contents.count))
        }
        progress.finish()
        let embedded = Progress.now
        try VectorOutput(embeddings: embeddings, isList: each).write(format, to: output)
        if timing {
            func milliseconds(_ seconds: Double) -> String { "\((seconds * 10_000).rounded() / 10) ms" }
            Terminal.error(
                "open \(milliseconds(opened - start)), embed \(milliseconds(embedded - opened)), "
                    + "write \(milliseconds(Progress.now - embedded))\n")
        }
    }

    /// Contents between two looks at the progress.
    private static let groupContents = 32

    static func truncationNotice(_ what: String) -> String {
        "castor: \(what) is longer than the context and was cut at the end\n"
    }
}

extension EmbedError {
    /// With the part's number on the command line, where each part is a content of its own.
    func numbered(_ number: Int) -> EmbedError {
        switch self {
        case .emptyPart: .emptyPart(part: number)
        case .fileNotAllowed(_, let path): .fileNotAllowed(part: number, path: path)
        case .fileNotFound(_, let path): .fileNotFound(part: number, path: path)
        case .fileUnreadable(_, let path, let reason): .fileUnreadable(part: number, path: path, reason: reason)
        case .fileTooLarge(_, let path, let bytes, let limit):
            .fileTooLarge(part: number, path: path, bytes: bytes, limit: limit)
        case .unsupportedType(_, let type): .unsupportedType(part: number, type: type)
        case .media(_, let name, let reason): .media(part: number, name: name, reason: reason)
        case .invalidText(_, let name): .invalidText(part: number, name: name)
        case .unreadableText(_, let reason): .unreadableText(part: number, reason: reason)
        case .noDecoder(_, let reason): .noDecoder(part: number, reason: reason)
        case .unsupportedByModel(_, let kind): .unsupportedByModel(part: number, kind: kind)
        case .notAVideo: .notAVideo(part: number)
        case .noParts, .noTokens, .tooManyImages, .tooMuchSound, .tooManySounds, .tooMuchText, .tooManyVideos,
            .tooManyDocuments, .tooManyTokens, .tooMuchMemory, .invalidDimensions, .cancelled, .model, .outOfMemory:
            self
        }
    }
}

import ArgumentParser
import Castor
import CastorNumerics
import Search

struct IndexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Files and folders into an index, in which castor search finds them.",
        discussion: """
            castor index ~/Pictures ~/Documents
            castor index
            castor search "two parrots"

            Again and again: what is unchanged costs a look at its time, what has moved is known again, what is gone is forgotten. \
            Without a path, what was named before is looked through. Texts, pictures, sounds, films and PDF are known by their bytes. \
            Passed over are names that begin with a dot, node_modules, and what a file .castorignore names, which is written as a \
            .gitignore is. Whatever ends the program, what was indexed stays; the same command goes on from there.

            Exit status: 0, also where files were left out, which --problems lists; 64 wrong usage; 65 an index that is damaged, or of \
            another model; 66 not found; 69 another castor writes the index; 73 cannot write.
            """)

    @OptionGroup var model: ModelOption
    @OptionGroup var index: IndexOption

    @Flag(help: "Say what is in the index, and do nothing.")
    var stats = false

    @Flag(help: "List the files that could not be indexed, or not whole, each with the reason, and do nothing.")
    var problems = false

    @Flag(help: "Forget what is at or below the paths, instead of indexing it.")
    var remove = false

    @Flag(
        help:
            "Make the index anew, from what was named before and the paths: for another model, and for one that is damaged."
    )
    var rebuild = false

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "A picture and the text beside it as one: beach.jpg and beach.txt, beach.jpg.txt, .caption or .xmp. Remembered; --no-captions ends it."
        ))
    var captions: Bool?

    @Flag(help: "Go on when all is indexed, and follow what changes, until Ctrl-C.")
    var watch = false

    @Option(
        help: ArgumentHelp(
            "Write every vector, and nothing else: npy (NumPy, f32, in the order of the items' numbers), or jsonl.",
            valueName: "format"))
    var export: ExportFormat?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("With --export: write here instead of to standard output.", valueName: "file"),
        completion: .file())
    var output: String?

    @Argument(help: "Files and folders.", completion: .file())
    var paths: [String] = []

    func validate() throws {
        let jobs = [stats, problems, remove, rebuild, export != nil].count { $0 }
        if jobs > 1 { throw ValidationError("--stats, --problems, --remove, --rebuild and --export go one at a time") }
        if stats || problems || export != nil, !paths.isEmpty {
            throw ValidationError("paths are for indexing and for --remove")
        }
        if paths.contains("") { throw ValidationError("an empty path names nothing") }
        if remove, paths.isEmpty { throw ValidationError("--remove wants to know what: give paths") }
        if captions != nil, stats || problems || remove || export != nil {
            throw ValidationError("--captions is for indexing")
        }
        if watch, stats || problems || remove || export != nil { throw ValidationError("--watch is for indexing") }
        if output != nil, export == nil { throw ValidationError("--output goes with --export") }
    }

    func run() throws {
        do {
            let folder = try index.path
            if stats { return try IndexReport(path: folder).statistics() }
            if problems { return try IndexReport(path: folder).problems() }
            if let export {
                if let output {
                    try OutputFile(output).refuse(inside: folder)
                    try OutputFile(output).refuseSpecial()
                }
                return try IndexExport(path: folder, format: export).write(to: output)
            }
            if remove { return try forget(folder) }
            let run = IndexRun(
                model: model, path: folder, command: index.command, rebuilds: rebuild, takesCaptions: captions,
                watches: watch)
            try run.run(paths)
        } catch let error as SearchError { throw Failure(error, index: index.index) }
    }

    private func forget(_ folder: String) throws {
        let reader = try IndexReader(path: folder, pool: try WorkerPool.opened(threads: 1))
        let writer = try IndexWriter(path: folder, model: try reader.model)
        // By whatever name: a link is known by its own.
        let names = paths.map { RawPath($0).spellings }
        let pictures = try writer.pictures(ofCaptions: names.flatMap(\.self))
        let roots = try writer.roots()
        let gone = try writer.remove(names.flatMap(\.self))
        try writer.compact()
        Terminal.error("castor: forgot \(counted(gone.count, "file"))\n")
        for (path, names) in zip(paths, names) {
            func isInside(_ file: RawPath) -> Bool { names.contains { file.isInside($0) } }
            if gone.contains(where: isInside) {
                for root in roots where !isInside(root) && names.contains(where: { $0.isInside(root) }) {
                    Terminal.error(
                        "castor: note: \(root.printable) stays indexed, and the next run finds them there again; a .castorignore keeps them out\n"
                    )
                }
            } else if let picture = names.compactMap({ pictures[$0] }).first {
                Terminal.error(
                    "castor: note: \(path.printable) is in the index as what \(picture.printable) shows; \(index.command) --no-captions parts all pictures from their texts\n"
                )
            } else if !roots.contains(where: isInside) {
                Terminal.error("castor: note: there was nothing of \(path.printable) in the index\n")
            }
        }
    }
}

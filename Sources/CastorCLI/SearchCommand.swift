import ArgumentParser
import Castor
import CastorNumerics
import Glibc
import Search

struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "What is alike, from everything indexed: texts, pictures, sounds, films and pages.",
        discussion: """
            castor search "two parrots"
            castor search @beach.jpg "at night" --type image,video
            castor search @bark.wav --top 3
            castor search "a red car" --less "a truck" --under ~/Pictures
            castor search "old letters" --format paths -0 | xargs -0 ls -l
            castor search --open

            The parts together are one query. Each result is a place: a picture, a page, lines of a text, seconds of a sound or a film.

            Exit status: 0, also where nothing was found; 64 wrong usage; 65 bad input, or an index of another model; 66 not found.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table, json, paths
    }

    @OptionGroup var model: ModelOption
    @OptionGroup var index: IndexOption

    @Option(
        help: ArgumentHelp(
            "More of this: a text or an @file; a number and a colon before it is its weight, as in 0.5:sunset.",
            valueName: "part"))
    var more: [WeightedPart] = []

    @Option(help: ArgumentHelp("Less of this, likewise.", valueName: "part"))
    var less: [WeightedPart] = []

    @Option(help: ArgumentHelp("What is like this item; --format json names them.", valueName: "id"))
    var like: Int64?

    @Option(
        help: ArgumentHelp(
            "Only these: text, image, audio, video, document, with commas between them.", valueName: "media"))
    var type: [MediumList] = []

    @Option(
        help: ArgumentHelp("Only what is at or below this path. May be repeated.", valueName: "path"),
        completion: .file())
    var under: [String] = []

    @Option(
        help: ArgumentHelp(
            "Only files that were changed then or later: 2026-07-25, or 3d, 12h, 2w, 1y ago.", valueName: "time"))
    var since: Since?

    @Option(
        name: [.customShort("n", allowingJoined: true), .long],
        help: ArgumentHelp("Results. Default: 10.", valueName: "n"))
    var top = 10

    @Option(help: ArgumentHelp("Only what is at least so alike, -1 to 1.", valueName: "score"))
    var threshold: Float?

    @Option(help: ArgumentHelp("Results from one file at most; 0 for any number. Default: 3.", valueName: "n"))
    var perFile = 3

    @Flag(
        help: "Compare with every whole vector, instead of with the first values of all and the whole of the nearest.")
    var exact = false

    @Option(help: "table, json (a line a result), or paths.")
    var format = Format.table

    @Option(
        help: ArgumentHelp(
            "Small pictures in the table, as the terminal draws them: auto, kitty, sixel or none. auto knows some terminals by their environment.",
            valueName: "how"))
    var thumbnails = Thumbnails.auto

    @Flag(
        name: [.customShort("0"), .customLong("null")],
        help: "With --format paths: end each with a zero byte instead of a line feed.")
    var zero = false

    @Flag(help: "Search in the browser: serve the page to this machine, open it with the query, and end with Ctrl-C.")
    var open = false

    @Argument(help: "Texts and @files.", transform: PartArgument.init)
    var parts: [PartArgument] = []

    func validate() throws {
        if open, !more.isEmpty || !less.isEmpty || parts.contains(where: { !$0.isText }) {
            throw ValidationError("--open takes texts and --like; files are dropped onto the page")
        }
        let isNarrowed = !under.isEmpty || since != nil || threshold != nil || top != 10 || perFile != 3 || exact
        if open, isNarrowed || format != .table || zero {
            throw ValidationError("--open takes texts, --like and --type; what else narrows a search is on the page")
        }
        if under.contains("") { throw ValidationError("--under: an empty path names nothing") }
        if !open, parts.isEmpty, more.isEmpty, like == nil {
            throw ValidationError(
                "nothing to look for: give parts, --more, or --like; a part that begins with a dash goes behind --")
        }
        if top < 1 { throw ValidationError("--top must be 1 or more, not \(top)") }
        if perFile < 0 { throw ValidationError("--per-file must be 0 or more, not \(perFile)") }
        if zero, format != .paths { throw ValidationError("-0 goes with --format paths") }
        if let threshold, !(-1...1).contains(threshold) {
            throw ValidationError("--threshold is between -1 and 1, not \(threshold)")
        }
    }

    func run() async throws {
        guard !open else {
            let texts = parts.compactMap { part in if case .text(let text) = part.part { text } else { nil } }
            return try await SearchPageRun(model: model, path: try index.path)
                .run(text: texts.joined(separator: " "), like: like, types: media)
        }
        do {
            // First what costs nothing: whether there is an index, and one of this model.
            let reader = try IndexReader(path: try index.path, pool: try WorkerPool.opened(threads: model.threads))
            let hits = try reader.find(try query(reader))
            for path in under where try hits.isEmpty && !reader.knows(RawPath(path).spellings) {
                Terminal.error("castor: note: nothing at or below \(path.printable) is indexed\n")
            }
            switch format {
            case .table: try SearchTable(hits, thumbnails).write()
            case .json: try Terminal.output(hits.flatMap(Self.line))
            case .paths: try Terminal.output(Self.paths(hits, end: zero ? 0 : UInt8(ascii: "\n")))
            }
        } catch let error as SearchError { throw Failure(error, index: index.index) }
    }

    private func query(_ reader: IndexReader) throws -> SearchQuery {
        var sum = QueryVector()
        if let like { sum.add(try reader.vector(ofItem: like)) }
        if !parts.isEmpty || !more.isEmpty || !less.isEmpty {
            let embedder = try model.open()
            let recorded = try reader.model
            let given = try ModelIdentity(embedder, known: recorded)
            guard recorded.agrees(with: given) else {
                throw SearchError.otherModel(path: reader.path, recorded: recorded.summary, given: given.summary)
            }
            var all: [(content: Content, weight: Double, option: String?)] = []
            PartArgument.noteFiles(parts, "was searched as words; @ before it searches with it")
            if !parts.isEmpty { all.append((Content(parts.map(\.part)), 1, nil)) }
            all += more.map { (Content([$0.part]), $0.weight, "--more") }
            all += less.map { (Content([$0.part]), -$0.weight, "--less") }
            var options = EmbedOptions()
            options.files = .relative(to: ".")
            if embedder.info.isImported { options.task = .retrievalQuery }
            for (content, result) in zip(all, embedder.embed(all.map(\.content), options: options)) {
                switch result {
                case .success(let embedding):
                    for note in embedding.notes { Terminal.note(note) }
                    if embedding.truncated { Terminal.error(EmbedCommand.truncationNotice("the query")) }
                    sum.add(embedding.values, weight: content.weight)
                case .failure(let error):
                    let failure = Failure(error)
                    guard let option = content.option else { throw failure }
                    throw Failure(
                        failure.status,
                        failure.messages.map { "\(option): \($0.replacing("part 1: ", with: "", maxReplacements: 1))" })
                }
            }
        }
        var query = SearchQuery(try sum.unit())
        if let like { query.excluded = [like] }
        if !media.isEmpty { query.media = media }
        query.folders = under.flatMap { RawPath($0).spellings }
        query.since = since?.nanoseconds
        query.limit = top
        query.threshold = threshold
        query.perFile = perFile
        query.isExact = exact
        return query
    }

    private var media: Set<Medium> { type.reduce(into: []) { $0.formUnion($1.media) } }

    private static func line(_ hit: SearchHit) -> [UInt8] {
        var writer = JSONWriter()
        writer.raw("{")
        writer.fields(of: hit)
        writer.fileNow(of: hit)
        writer.raw(",\"score\":\(hit.score)}\n")
        return writer.bytes
    }

    /// Each file once, in the order of its best place.
    private static func paths(_ hits: [SearchHit], end: UInt8) -> [UInt8] {
        var seen = Set<RawPath>()
        return hits.filter { seen.insert($0.path).inserted }.flatMap { $0.path.bytes + [end] }
    }
}

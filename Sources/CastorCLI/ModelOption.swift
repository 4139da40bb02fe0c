import ArgumentParser
import Castor
import Glibc
import Media

/// Which model, for every subcommand that needs one.
struct ModelOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Model folder, or that of an open checkpoint. Default: the environment's CASTOR_MODEL, else the castor-small that came with the program.",
            valueName: "dir"), completion: .directory)
    var model: String?

    @Option(help: ArgumentHelp("Threads that compute. Default: one for each core.", valueName: "n"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "What products with weights are computed in: single, bfloat16 or int8, where the processor has instructions for it. Default: single, and for an imported model what its weights are in.",
            valueName: "precision"),
        transform: { text in
            guard let precision = Embedder.Precision(rawValue: text) else {
                let all = Embedder.Precision.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("one of \(all) is wanted")
            }
            return precision
        })
    var precision: Embedder.Precision?

    @Option(
        help: ArgumentHelp(
            "Tokens that a picture, page or frame may have at most, of an imported model that lets choose: what it costs. EmbeddingGemma 2: 70, 140, 280, 560 or 1120; default 280, of frames 140.",
            valueName: "n"))
    var pictureTokens: Int?

    @Flag(
        help:
            "Put its time before each frame of a video, of an imported model. With the video's sound it is always there."
    )
    var frameTimes = false

    func validate() throws { try Self.validate(threads: threads) }

    static func validate(threads: Int?) throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads must be between 1 and 1024, not \(threads)")
        }
    }

    var path: String { get throws { try Self.path(named: model) } }

    /// What stands for a model that is not named.
    static func path(named model: String?) throws -> String {
        if let model { return model }
        return try variable ?? shipped
    }

    private static var variable: String? {
        getenv("CASTOR_MODEL").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    func open(decoders: Decoders = .inside) throws -> Embedder {
        let named = try path
        do {
            return try open(named, decoders)
        } catch let failure as Failure
            where model == nil && Self.variable != nil && [.notFound, .badInput].contains(failure.status)
        {
            // Nothing of it stands in the command.
            throw Failure(
                failure.status, failure.messages + ["\(named) is what CASTOR_MODEL names in the environment"])
        }
    }

    private func open(_ named: String, _ decoders: Decoders) throws -> Embedder {
        var imported = ImportedModelOptions()
        imported.pictureTokens = pictureTokens
        imported.timesFrames = frameTimes
        let folder = try ImportedModels.folder(for: named)
        do {
            return try Self.open(
                folder, threads: threads, precision: precision, decoders: decoders, imported: imported)
        } catch let failure as Failure where folder != named {
            throw Failure(
                failure.status,
                failure.messages + ["\(folder) is what was imported of \(named); remove it, and it is made again"])
        }
    }

    static func open(
        _ path: String, threads: Int?, precision: Embedder.Precision? = nil, decoders: Decoders = .inside,
        imported: ImportedModelOptions = .init()
    ) throws -> Embedder {
        var options = Embedder.Options()
        options.threads = threads
        options.precision = precision
        options.limits.decoders = decoders
        options.imported = imported
        do { return try Embedder(modelPath: path, options: options) } catch { throw Failure(error) }
    }

    /// Beside the program itself, in `share/castor` beside an installed one's `bin`, or in `weights` above a built one.
    private static var shipped: String {
        get throws {
            let name = "castor-small"
            var folder = executableFolder
            let prefix = folder.lastIndex(of: "/").map { folder[..<$0] } ?? "."
            for installed in ["\(folder)/\(name)", "\(prefix)/share/castor/\(name)"]
            where access("\(installed)/config.json", R_OK) == 0 {
                return installed
            }
            while let slash = folder.lastIndex(of: "/") {
                let candidate = "\(folder)/weights/\(name)"
                if access("\(candidate)/config.json", R_OK) == 0 { return candidate }
                folder = String(folder[..<slash])
            }
            throw Failure(
                .notFound,
                """
                no model: \(name) is not beside the program; name a folder by --model or CASTOR_MODEL \
                (Debian's packages of Castor: castor-model-small)
                """)
        }
    }

    private static var executableFolder: String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes {
            readlink("/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard count > 0 else { return "." }
        let path = String(decoding: buffer[..<count], as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }
}

import ArgumentParser
import Castor
import CastorNumerics
import FoundationEssentials

struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "The model, its sizes and limits, and what it runs on.")

    @OptionGroup var model: ModelOption

    @Flag(help: "One JSON object.")
    var json = false

    private struct Report: Encodable {
        let version: String
        let model: ModelInfo
        let limits: [String: Double]
        let cpu: String
    }

    func run() throws {
        let embedder = try model.open()
        let (info, limits) = (embedder.info, embedder.options.limits)
        let takes = Set(info.media)
        let all: [(name: String, value: String)] = [
            ("castor", Version.current),
            ("model", "\(info.name) (\(info.path))"),
            ("format", info.isImported ? "\(info.format), imported from the family \(info.family)" : info.format),
            ("state", Self.explain(info.state)),
            ("takes", info.media.joined(separator: ", ")),
            ("parameters", "\(info.parameters)"),
            ("weights", "\(info.weightFormat), \(info.weightBytes) bytes"),
            ("cost", "\(info.costPerToken) multiply-adds a token of text"),
            ("width", "\(info.width)"),
            ("blocks", info.blocks.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")),
            ("vocabulary", "\(info.vocabulary)"),
            (
                "dimensions",
                "1 to \(info.dimensions), meant for \(info.matryoshkaDimensions.map(String.init).joined(separator: ", "))"
            ),
            ("context", "\(info.maxTokens) tokens a content"),
            ("prompts", info.prompts.isEmpty ? "none" : info.prompts.keys.sorted().joined(separator: ", ")),
            ("images", "\(limits.maxImages) a content, \(limits.maxImageSide) px a side, \(limits.maxImagePixels) px"),
            ("audio", "\(Int(limits.maxAudioSeconds)) s"),
            (
                "video",
                "\(limits.maxVideos) a content, \(Int(limits.maxVideoSeconds)) s, "
                    + "\(Int(limits.maxVideoSecondsWithAudio)) s with its audio track, "
                    + "\(limits.maxVideoSide) px a side, \(limits.maxVideoPixels) px"
            ),
            (
                "documents",
                "\(limits.maxDocuments) a content, \(limits.maxPages) pages, rendered within "
                    + "\(Int(limits.maxDocumentSeconds)) s and \(limits.maxDocumentBytes >> 20) MiB"
            ),
            ("files", "\(limits.maxFileBytes) bytes"),
            ("computes in", info.precision),
            ("threads", "\(info.threads)"),
            ("cpu", CPU.description),
            ("BLAS", info.blas),
            ("kernels", info.kernels),
            (
                "media",
                info.mediaLibraries.sorted { $0.key.lowercased() < $1.key.lowercased() }.map { "\($0.key) \($0.value)" }
                    .joined(separator: ", ")
            ),
        ]
        // Limits of media that the model does not take are nobody's.
        let rows = all.filter { Self.medium[$0.name].map(takes.contains) ?? true }
        if json {
            let report = Report(
                version: Version.current, model: info,
                limits: limits.values, cpu: CPU.description)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            try Terminal.output([UInt8](encoder.encode(report)) + [UInt8(ascii: "\n")])
            return
        }
        let width = rows.map(\.name.count).max() ?? 0
        let lines = rows.map { name, value in
            "\(name)\(String(repeating: " ", count: width - name.count))  \(value.printable)\n"
        }
        try Terminal.output(Array(lines.joined().utf8))
    }

    /// Of the rows that are of one.
    private static let medium = ["images": "image", "audio": "audio", "video": "video", "documents": "document"]

    private static func explain(_ state: String) -> String {
        state == "untrained" ? "untrained: random weights, the vectors mean nothing yet" : state
    }
}

/// The processor, as Linux names it.
enum CPU {
    static var description: String {
        guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return "unknown" }
        func field(_ name: String) -> String? {
            text.split(separator: "\n").first { $0.hasPrefix(name) }?.split(separator: ":").last
                .map { $0.trimmingPrefix(while: \.isWhitespace) }.map(String.init)
        }
        let flags = Set((field("flags") ?? "").split(separator: " ").map(String.init))
        let features = ["avx", "avx2", "fma", "f16c", "avx512f", "avx512_bf16", "avx512_vnni"].filter(flags.contains)
        let numbers = Processor.current.map { ["family \($0.family) model \($0.model)"] } ?? []
        return ([field("model name") ?? "unknown"] + numbers + features).joined(separator: " ")
    }
}

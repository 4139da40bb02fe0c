import Castor
import HTTPTypes
import Hummingbird

/// What is said of a path that no route has, or not with that method: what was meant, where that can be told.
struct UnknownPath: Sendable {
    /// Each template once, by its segments, with the methods that it has.
    private let templates: [(segments: [String], methods: [HTTPRequest.Method])]

    /// Longer paths get no advice.
    private static let maxBytes = 300

    init(_ table: RouteTable) {
        let methods = Dictionary(grouping: table.routes, by: \.template)
        templates = methods.keys.sorted().map { template in
            (Self.segments(template), methods[template]!.map(\.method))
        }
    }

    func answer(_ request: Request) -> Response {
        let path = request.uri.path
        let isShort = path.utf8.count <= Self.maxBytes
        let segments = isShort ? Self.segments(path) : []
        let served = isShort ? methods(of: segments) : []
        var response = Response(
            error(request, path: path, segments, served), inList: path.isOpenAI || Self.isChat(path))
        if !served.isEmpty { response.headers[.allow] = served.map(\.rawValue).joined(separator: ", ") }
        return response
    }

    private func error(
        _ request: Request, path: String, _ segments: [String], _ served: [HTTPRequest.Method]
    ) -> APIError {
        if !served.isEmpty {
            let names = served.map(\.rawValue).joined(separator: " or ")
            var message = "\(request.method.rawValue.shortened) is not served at this path; \(names) is."
            if request.method == .options, request.headers[.origin] != nil {
                message += " Pages of other origins may call once castor serve is started with --cors-origin."
            }
            return APIError(.methodNotAllowed, message)
        }
        if let method = Self.generation(segments) {
            let model = segments.last.map { $0.prefix { $0 != ":" } } ?? ""
            let version = segments.first { APIVersion(rawValue: $0) != nil } ?? APIVersion.none.name
            var error = APIError.modelNotFound(String(model).shortened, version: version, method: method)
            error.message += " \(Self.noGeneration)"
            return error
        }
        if Self.isChat(path) { return APIError(.notFound, Self.noGeneration) }
        var message = "This path is not served."
        if let meant = nearest(segments) { message += " Did you mean \(meant)?" }
        return APIError(.notFound, "\(message) GET / lists what is.")
    }

    // MARK: - Generation

    private static let noGeneration =
        "Castor embeds; it does not generate. A program that chats, too, needs the base URL at its embedder alone."

    /// The method of the Gemini API that the path asks for, where that is one that makes text, pictures or sound.
    private static func generation(_ segments: [String]) -> String? {
        guard let name = segments.last?.split(separator: ":").dropFirst().last.map(String.init) else { return nil }
        return [
            "generateContent", "streamGenerateContent", "batchGenerateContent", "generateAnswer", "generateText",
            "generateMessage", "bidiGenerateContent", "predictLongRunning", "rawPredict", "streamRawPredict",
        ].contains(name) ? name : nil
    }

    /// The same of OpenAI's, Anthropic's and Ollama's protocols.
    private static func isChat(_ path: String) -> Bool {
        [
            "/chat/completions", "/completions", "/responses", "/messages", "/images/generations", "/audio/speech",
            "/audio/transcriptions", "/api/chat", "/api/generate",
        ].contains(where: path.hasSuffix)
    }

    // MARK: - What was meant

    private static func segments(_ path: String) -> [String] {
        path.split(separator: "/").map(String.init)
    }

    private func methods(of segments: [String]) -> [HTTPRequest.Method] {
        templates.first { Self.distance(segments, $0.segments)?.edits == 0 }?.methods ?? []
    }

    /// The path of the route that is the fewest edits away; nil where none is near.
    private func nearest(_ segments: [String]) -> String? {
        guard !segments.isEmpty else { return nil }
        // A base URL without the version.
        var variants: [(segments: [String], cost: Int)] = [(segments, 0), (["v1"] + segments, 1)]
        // A version or `models/` that is there twice, as where a base URL already has it.
        for index in segments.indices {
            var fewer = segments
            fewer.remove(at: index)
            variants.append((fewer, 1))
        }
        var best: (edits: Int, path: String)?
        // What is left of one segment without it is near to everything.
        for variant in variants where (1...12).contains(variant.segments.count) {
            for template in templates {
                guard let found = Self.distance(variant.segments, template.segments) else { continue }
                let edits = found.edits + variant.cost
                if edits < best?.edits ?? 4 { best = (edits, found.path) }
            }
        }
        return best?.path
    }

    /// Edits from a path to a template and the path that results; nil where they have little in common.
    private static func distance(_ path: [String], _ template: [String]) -> (edits: Int, path: String)? {
        guard path.count == template.count else { return nil }
        var edits = 0
        var meant = ""
        for (given, wanted) in zip(path, template) {
            guard let (own, text) = distance(given, wanted) else { return nil }
            edits += own
            meant += "/\(text)"
        }
        return (edits, meant)
    }

    /// Of one segment, which may be a literal, `{name}` or `{name}:method`.
    private static func distance(_ given: String, _ wanted: String) -> (Int, String)? {
        guard wanted.hasPrefix("{"), let end = wanted.firstIndex(of: "}") else {
            return Spelling.edits(given, wanted).map { ($0, wanted) }
        }
        let literal = wanted[wanted.index(after: end)...].dropFirst()
        let halves = given.split(separator: ":", maxSplits: 1)
        guard !literal.isEmpty else { return halves.count == 1 ? (0, given) : nil }
        guard halves.count == 2, let edits = Spelling.edits(String(halves[1]), String(literal)) else { return nil }
        return (edits, "\(halves[0]):\(literal)")
    }
}

package import Castor
package import HTTPTypes
import Logging

/// Contents of one request on their way through: checked before anything is computed, counted before anything is sent.
package struct EmbedCall: Sendable {
    package let model: ServedModels.Entry
    private var items: [EmbedItem] = []
    /// Values of each answer, where that is not the work of the embedder: fewer, or more by zeros.
    private var sizes: [Int?] = []
    private let places: @Sendable (Int) -> String?

    /// Answers in the order of the contents.
    package struct Answer: Sendable {
        package var embeddings: [Embedding]
        package var usage: Usage
        package var headers: HTTPFields

        /// `[values]` of the content at `index`.
        package func values(_ index: Int) -> [Float] { vectors[index] }
        fileprivate(set) var vectors: [[Float]]
        package var count: Int { vectors.count }
        /// About as many as the answer takes.
        package var jsonBytes: Int { vectors.reduce(1_024) { $0 + 64 + $1.count * JSONWriter.bytesPerValue } }
    }

    /// - Parameter places: what a message calls the content of an index; nil for the only one.
    package init(model: ServedModels.Entry, places: @escaping @Sendable (Int) -> String?) {
        self.model = model
        self.places = places
    }

    /// Adds one content, its files looked up.
    package mutating func add(_ request: EmbedRequest, _ server: ServerCore, files: FileParts) async throws {
        let place = places(items.count)
        let dimensions = request.dimensions ?? server.options.paddedDimensions
        try check(dimensions, server, place)
        let content = try await content(request.content ?? Content([]), server, files, place)
        var options = EmbedOptions()
        options.autoTruncate = request.autoTruncate ?? true
        options.documentOCR = request.documentOCR ?? false
        options.audioTrackExtraction = request.audioTrackExtraction ?? false
        if model.isVersion1 {
            options.maxTokens = model.inputTokenLimit
        } else {
            options.dimensions = dimensions.map { min($0, server.scheduler.embedder.dimensions) }
        }
        sizes.append(dimensions)
        if model.isVersion1 || server.options.appliesTaskPrompts {
            options.task = request.task
            options.title = request.title
        }
        items.append(EmbedItem(content: content, options: options))
    }

    private func check(_ dimensions: Int?, _ server: ServerCore, _ place: String?) throws {
        let most = server.scheduler.embedder.dimensions
        let limit = max(most, server.options.paddedDimensions ?? 0)
        guard let dimensions, !(1...limit).contains(dimensions) else { return }
        let error = APIError(.invalidDimensions(dimensions, limit: limit), at: place)
        // Clients ask for it whose store is made for the hosted model's vectors.
        guard dimensions <= ServerOptions.hostedDimensions else { throw error }
        throw APIError.invalid(
            error.message + "Vectors of \(server.models.entries.last?.id ?? "this model") have \(most) values; "
                + "castor serve --pad-dimensions adds zeros, which change no cosine.\n")
    }

    private func content(
        _ wire: Content, _ server: ServerCore, _ files: FileParts, _ place: String?
    ) async throws -> Content {
        let limits = server.options.limits
        guard !wire.parts.isEmpty else { throw APIError(.noParts, at: place) }
        guard wire.parts.count <= limits.maxParts else {
            throw APIError.invalid(
                "* \(place.map { "\($0): " } ?? "")a content has at most \(limits.maxParts) parts, not \(wire.parts.count).\n"
            )
        }
        var parts: [Part] = []
        parts.reserveCapacity(wire.parts.count)
        for (index, part) in wire.parts.enumerated() {
            guard !part.isEmpty else { throw APIError(.emptyPart(part: index + 1), at: place) }
            let part = try await files.part(part)
            parts.append(part)
            if model.isVersion1, !part.isText {
                throw APIError.invalid(
                    "* \(place.map { "\($0): " } ?? "")part \(index + 1): \(model.id) embeds text only; "
                        + "gemini-embedding-2 embeds images, audio, video and PDF too.\n")
            }
        }
        return Content(parts)
    }

    /// Embeds everything; the whole call fails with the first content that does.
    package func run(_ server: ServerCore, priority: Priority = .interactive) async throws -> Answer {
        let result = try await server.scheduler.embed(items, priority: priority)
        var answer = Answer(embeddings: [], usage: Usage(), headers: [:], vectors: [])
        for (index, embedding) in result.embeddings.enumerated() {
            switch embedding {
            case .success(let embedding):
                answer.embeddings.append(embedding)
                answer.usage = answer.usage + embedding.usage
                let values = embedding.values
                answer.vectors.append(sizes[index].map { values.sized($0) } ?? values)
                server.metrics.embedded(
                    embedding.usage, truncated: embedding.truncated, hasNotes: !embedding.notes.isEmpty)
            case .failure(let error):
                if case .model(let reason) = error { server.logger.error("model", metadata: ["reason": "\(reason)"]) }
                throw APIError(error, at: places(index))
            }
        }
        precondition(answer.count == items.count)
        let cut = answer.embeddings.indices.filter { answer.embeddings[$0].truncated }
        if !cut.isEmpty { answer.headers[.truncated] = cut.map(String.init).joined(separator: ",") }
        let notes = self.notes(answer.embeddings)
        for note in notes { server.logger.notice("odd part", metadata: ["note": "\(note)"]) }
        answer.headers[.notes] = NoteHeader.value(notes)
        answer.headers[.serverTiming] = result.timing.header
        return answer
    }
}

extension [Float] {
    /// The first `count` values, and zeros where there are fewer.
    fileprivate func sized(_ count: Int) -> [Float] {
        count <= self.count ? Array(prefix(count)) : self + repeatElement(0, count: count - self.count)
    }
}

extension EmbedCall {
    /// As in `part 2: ..` for the only content, `requests[3], part 2: ..` for one of many.
    private func notes(_ embeddings: [Embedding]) -> [String] {
        embeddings.enumerated().flatMap { index, embedding in
            embedding.notes.map { (places(index).map { "\($0), " } ?? "") + $0.description }
        }
    }
}

/// The notes of an answer in one header.
package enum NoteHeader {
    /// Clients and proxies bear some 8 kB of headers in all.
    private static let maxBytes = 2_048

    /// Between semicolons, cut where they are many; nil without notes.
    package static func value(_ notes: [String]) -> String? {
        guard var text = notes.first else { return nil }
        for (index, note) in notes.enumerated().dropFirst() {
            guard text.utf8.count + note.utf8.count < maxBytes else {
                text += "; \(notes.count - index) more"
                break
            }
            text += "; \(note)"
        }
        // Libraries' own words are among them: a header's value is visible ASCII and spaces.
        return String(String.UnicodeScalarView(text.unicodeScalars.map { (" "..."~").contains($0) ? $0 : "?" }))
    }
}

extension Part {
    fileprivate var isText: Bool {
        switch media {
        case .text: true
        case .clip: false
        case .data(_, let mimeType), .file(_, let mimeType): mimeType?.lowercased().hasPrefix("text/") ?? false
        }
    }
}

extension ScheduledResult.Timing {
    /// `queue;dur=0.1, decode;dur=0.3, compute;dur=5.2`, in milliseconds.
    fileprivate var header: String {
        func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
        return "queue;dur=\(rounded(queue)), decode;dur=\(rounded(decode)), compute;dur=\(rounded(compute))"
    }
}

import Castor
import HTTPTypes
import Logging
import Search

/// One search: its contents embedded, its items looked up, and what is nearest to their sum.
struct SearchRun: Sendable {
    let body: SearchBody
    let call: APIRequest
    let index: SearchIndex

    struct Answer: Sendable {
        var hits: [SearchHit]
        /// Values of the vectors that counted.
        var dimensions: Int
        /// Of the results with all values, the share that is among these.
        var kept: Double
        var headers: HTTPFields
    }

    func callAsFunction() async throws -> Answer {
        let index = index
        let body = body
        let embedded = try await embed()
        let server = call.server
        return try await server.offPool(large: true) {
            do {
                let reader = try index.reader()
                var sum = QueryVector()
                var excluded = Set<Int64>()
                var contents = embedded.vectors.makeIterator()
                if body.content != nil, let vector = contents.next() { sum.add(vector) }
                for (terms, sign) in [(body.more, 1.0), (body.less, -1.0)] {
                    for term in terms {
                        switch term.value {
                        case .content: if let vector = contents.next() { sum.add(vector, weight: sign * term.weight) }
                        case .item(let id):
                            sum.add(try reader.vector(ofItem: id), weight: sign * term.weight)
                            excluded.insert(id)
                        }
                    }
                }
                var query = SearchQuery(try sum.unit())
                query.excluded = excluded
                query.folders = body.under
                query.since = body.since
                query.threshold = body.threshold.map { Float($0) }
                query.perFile = body.perFile
                query.isExact = body.isExact
                return try Self.answer(query, body, reader, embedded.headers)
            } catch let error as SearchError { throw APIError(error, server) }
        }
    }

    private static func answer(
        _ query: SearchQuery, _ body: SearchBody, _ reader: IndexReader, _ headers: HTTPFields
    ) throws -> Answer {
        let full = query.vector.count
        let dimensions = min(body.dimensions ?? full, full)
        var smaller = query
        smaller.dimensions = dimensions
        let hits = try find(smaller, body, reader)
        guard dimensions < full else { return Answer(hits: hits, dimensions: full, kept: 1, headers: headers) }
        let (whole, found) = (try find(query, body, reader), Set(hits.map(\.item)))
        let kept = whole.count { found.contains($0.item) }
        return Answer(
            hits: hits, dimensions: dimensions, kept: whole.isEmpty ? 1 : Double(kept) / Double(whole.count),
            headers: headers)
    }

    private static func find(_ query: SearchQuery, _ body: SearchBody, _ reader: IndexReader) throws -> [SearchHit] {
        var query = query
        let types = body.types ?? Set(Medium.allCases)
        guard let perType = body.topPerType else {
            query.media = types
            query.limit = body.top ?? 10
            return try reader.find(query)
        }
        // Scores of different media compare badly: each has its own list.
        query.limit = perType
        return try Medium.allCases.filter(types.contains).flatMap { medium in
            query.media = [medium]
            return try reader.find(query)
        }
    }

    /// The vectors of all contents, in the order of ``SearchBody``.
    private func embed() async throws -> (vectors: [[Float]], headers: HTTPFields) {
        var contents: [(content: Content, place: String)] = body.content.map { [($0, "SearchRequest.content")] } ?? []
        for (name, terms) in [("more", body.more), ("less", body.less)] {
            for (index, term) in terms.enumerated() {
                guard case .content(let content) = term.value else { continue }
                contents.append((content, "SearchRequest.\(name)[\(index)].content"))
            }
        }
        guard !contents.isEmpty, let model = call.server.models.entries.first else { return ([], [:]) }
        let places = contents.map(\.place)
        var embed = EmbedCall(model: model) { places[$0] }
        let files = FileParts(call.server, call.lease)
        for (content, _) in contents {
            var request = EmbedRequest(content)
            if call.server.scheduler.embedder.info.isImported { request.task = .retrievalQuery }
            try await embed.add(request, call.server, files: files)
        }
        let answer = try await embed.run(call.server)
        // Not those that --pad-dimensions gives.
        return (answer.embeddings.map(\.values), answer.headers)
    }
}

extension APIError {
    /// What a client is told when the index cannot do what it asked. The operator reads more in the log.
    init(_ error: SearchError, _ server: ServerCore) {
        let message = error.description(of: server.options.index?.path).capitalizedSentence
        switch error {
        case .noItem, .notFound, .changed: self = APIError(.notFound, message)
        case .emptyQuery, .wrongSize: self = .invalid(message)
        case .inUse, .emptied:
            self = APIError(.unavailable, message, details: [.retryInfo(seconds: 5)])
        case .noIndex, .otherModel, .otherVersion:
            server.logger.error("index", metadata: ["reason": "\(error)"])
            self = APIError(.failedPrecondition, message)
        case .unusable, .damaged, .diskFull:
            server.logger.error("index", metadata: ["reason": "\(error)"])
            self = APIError(.internal, message)
        }
    }
}

extension String {
    fileprivate var capitalizedSentence: String {
        // What begins with a path has that as it is.
        let beginsWithPath = contains(": ")
        return (beginsWithPath ? self : prefix(1).uppercased() + dropFirst()) + (hasSuffix(".") ? "" : ".")
    }
}

import Castor
import Hummingbird
import Media

/// `:countTokens`: the service's counts, nothing is computed.
enum CountTokensRoutes {
    static func add(to table: inout RouteTable) {
        table.on(.post, "/models/{model}:countTokens", handler: countTokens)
    }

    static func countTokens(_ call: APIRequest) async throws -> Response {
        _ = try call.model(for: "countTokens")
        let body = try await call.json(CountTokensBody.self)
        let contents = try await contents(body, call)
        let embedder = call.server.scheduler.embedder
        let countsCharacters = call.route.face == .vertex
        let count: @Sendable (Content, Cancellation?) throws -> (Usage, characters: Int) = { content, cancellation in
            (
                try embedder.countTokens(content, cancellation: cancellation),
                countsCharacters ? content.billableCharacters : 0
            )
        }
        var (usage, characters) = (Usage(), 0)
        func add(_ counted: (Usage, characters: Int)) {
            usage = usage + counted.0
            characters += counted.characters
        }
        let isShort = contents.reduce(0) { $0 + $1.costOfText } <= shortText
        try await call.server.counting.admit(isFree: isShort) {
            for (index, content) in contents.enumerated() {
                do {
                    add(
                        isShort
                            ? try count(content, nil)
                            : try await call.server.counting.next { try count(content, $0) })
                } catch let error as EmbedError {
                    throw APIError(error, at: "CountTokensRequest.contents[\(index)]")
                }
            }
        }
        var json = JSONWriter()
        json.raw("{\"totalTokens\":\(usage.promptTokenCount)")
        if countsCharacters { json.raw(",\"totalBillableCharacters\":\(characters)") }
        if !usage.details.isEmpty {
            json.raw(",\"promptTokensDetails\":")
            json.details(usage)
        }
        json.raw("}\n")
        return Response(json: json)
    }

    /// Counted in less time than another thread takes to wake up.
    private static let shortText = 4_096

    /// Those of the request, its files looked up. As many parts as one content may have, and as many contents with media as a batch.
    private static func contents(_ body: CountTokensBody, _ call: APIRequest) async throws -> [Content] {
        let limits = call.server.options.limits
        let partCount = body.contents.reduce(0) { $0 + $1.parts.count }
        guard partCount <= limits.maxParts else {
            throw APIError.invalid(
                "* CountTokensRequest.contents: at most \(limits.maxParts) parts can be counted at once, not \(partCount).\n"
            )
        }
        let mediaCount = body.contents.count { !$0.isText }
        guard mediaCount <= limits.maxBatchContents else {
            throw APIError.invalid(
                "* CountTokensRequest.contents: at most \(limits.maxBatchContents) contents with media can be counted at "
                    + "once, not \(mediaCount).\n")
        }
        let files = FileParts(call.server, call.lease)
        var contents: [Content] = []
        for content in body.contents {
            var parts: [Part] = []
            for part in content.parts where !part.isEmpty { parts.append(try await files.part(part)) }
            contents.append(Content(parts))
        }
        return contents
    }
}

extension Content {
    fileprivate var isText: Bool {
        parts.allSatisfy { if case .text = $0 { true } else { false } }
    }

    /// Bytes, and some for each part; much where there is other than text.
    fileprivate var costOfText: Int {
        parts.reduce(0) { cost, part in
            if case .text(let text) = part { cost + text.utf8.count + 64 } else { cost + 1 << 20 }
        }
    }

    /// Characters of the texts without white space, by which older text models are billed.
    var billableCharacters: Int {
        parts.reduce(0) { count, part in
            if case .text(let text) = part {
                count + text.unicodeScalars.count { !$0.properties.isWhitespace }
            } else {
                count
            }
        }
    }
}

extension JSONWriter {
    /// `[{"modality":"TEXT","tokenCount":5}]`
    mutating func details(_ usage: Usage) {
        raw("[")
        for (index, detail) in usage.details.enumerated() {
            raw(index > 0 ? "," : "")
            raw("{\"modality\":\"\(detail.modality.rawValue)\",\"tokenCount\":\(detail.tokenCount)}")
        }
        raw("]")
    }
}

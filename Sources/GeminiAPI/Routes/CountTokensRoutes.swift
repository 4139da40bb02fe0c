import Castor
import Hummingbird

/// `:countTokens`: the service's counts, nothing is computed.
enum CountTokensRoutes {
    static func add(to table: inout RouteTable) {
        table.on(.post, "/models/{model}:countTokens", handler: countTokens)
    }

    static func countTokens(_ call: APIRequest) async throws -> Response {
        _ = try call.model(for: "countTokens")
        let body = try await call.json(CountTokensBody.self)
        let files = FileParts(call.server)
        var contents: [Content] = []
        for content in body.contents {
            var parts: [Part] = []
            for part in content.parts where !part.isEmpty { parts.append(try await files.part(part)) }
            contents.append(Content(parts))
        }
        let all = contents
        let embedder = call.server.scheduler.embedder
        let usage = try await call.server.offPool(large: true) {
            var usage = Usage()
            for (index, content) in all.enumerated() {
                do throws(EmbedError) {
                    usage = usage + (try embedder.countTokens(content))
                } catch {
                    throw APIError(error, at: "CountTokensRequest.contents[\(index)]")
                }
            }
            return usage
        }
        var json = JSONWriter()
        json.raw("{\"totalTokens\":\(usage.promptTokenCount)")
        if call.route.face == .vertex {
            json.raw(",\"totalBillableCharacters\":\(all.reduce(0) { $0 + $1.billableCharacters })")
        }
        if !usage.details.isEmpty {
            json.raw(",\"promptTokensDetails\":")
            json.details(usage)
        }
        json.raw("}\n")
        return Response(json: json)
    }
}

extension Content {
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

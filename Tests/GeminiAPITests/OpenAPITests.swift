import Foundation
import GeminiAPI
import HTTPTypes
import TestSupport
import Testing

/// The OpenAPI document says what the server does.
@Suite struct OpenAPITests {
    @Test func everyRouteIsDescribedAndEveryDescriptionHasARoute() {
        let routes = Server.routes.routes
        for route in routes {
            #expect(OperationDescription.of(route) != nil, "\(route.method) \(route.template)")
        }
        let described = Set(routes.compactMap { OperationDescription.of($0)?.id })
        #expect(described == Set(OperationDescription.all.values.map(\.id)))
    }

    @Test(arguments: Transport.allCases)
    func theDocumentHasEveryRouteAndNoLooseEnds(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let reply = try await client.get("/openapi.json")
            let document = try reply.json
            #expect(try document["openapi"].string.hasPrefix("3.0"))
            let paths = try document["paths"]
            for route in Server.routes.routes {
                #expect(try paths[route.template].has(route.method.rawValue.lowercased()), "\(route.template)")
            }
            #expect(paths.keys == Set(Server.routes.routes.map(\.template)))
            let schemas = try document["components"]["schemas"].keys
            let marker = "#/components/schemas/"
            let references = reply.text.replacing("\\/", with: "/").components(separatedBy: marker).dropFirst()
                .map { String($0.prefix { $0 != "\"" }) }
            #expect(!references.isEmpty)
            #expect(Set(references).subtracting(schemas).isEmpty)
            var ids: Set<String> = []
            for path in paths.keys {
                for method in try paths[path].keys {
                    let id = try paths[path][method]["operationId"].string
                    #expect(ids.insert(id).inserted, "\(id) is there twice")
                }
            }
        }
    }

    /// Answers have what their schema requires, and a request with a field beyond the schema's is refused.
    @Test func answersKeepToTheirSchemas() async throws {
        try await TestServer.with { client in
            let schemas = try await client.get("/openapi.json").json["components"]["schemas"]
            for (path, body, schema) in [
                ("/v1/models/gemini-embedding-2:embedContent", ErrorTests.hello, "EmbedContentResponse"),
                (
                    "/v1/models/gemini-embedding-2:batchEmbedContents", #"{"requests":[\#(ErrorTests.hello)]}"#,
                    "BatchEmbedContentsResponse"
                ),
                (
                    "/v1/models/gemini-embedding-2:countTokens", #"{"contents":[{"parts":[{"text":"a"}]}]}"#,
                    "CountTokensResponse"
                ),
                ("/v1/openai/embeddings", #"{"model":"gemini-embedding-2","input":"a"}"#, "OpenAIEmbeddingsResponse"),
                (
                    "/v1/publishers/google/models/gemini-embedding-2:embedContent", ErrorTests.hello,
                    "VertexEmbedContentResponse"
                ),
                (
                    "/v1/publishers/google/models/gemini-embedding-2:predict", #"{"instances":[{"content":"a"}]}"#,
                    "PredictResponse"
                ),
                ("/v1/models", "", "ListModelsResponse"), ("/v1/models/castor-nano", "", "Model"),
                ("/v1/openai/models", "", "OpenAIModels"), ("/v1/tunedModels", "", "ListTunedModelsResponse"),
                ("/v1/publishers/google/models", "", "ListPublisherModelsResponse"),
                ("/v1/publishers/google/models/gemini-embedding-2", "", "PublisherModel"),
            ] {
                let reply = body.isEmpty ? try await client.get(path) : try await client.post(path, body)
                #expect(reply.status == 200, "\(path): \(reply.text)")
                try Self.check(reply.json, schemas[schema], schemas)
            }
        }
    }

    static func check(_ value: JSON, _ schema: JSON, _ schemas: JSON) throws {
        var schema = schema
        if schema.has("$ref") {
            schema = try schemas[String(schema["$ref"].string.split(separator: "/").last!)]
        }
        if schema.has("oneOf") { return }
        switch try schema["type"].string {
        case "object":
            if schema.has("required") {
                for name in try schema["required"].array {
                    #expect(try value.has(name.string), "\(value.path) lacks \(name)")
                }
            }
            if schema.has("properties") {
                let properties = try schema["properties"]
                #expect(value.keys.isSubset(of: properties.keys), "\(value.path): \(value.keys)")
                for name in value.keys { try check(value[name], properties[name], schemas) }
            }
        case "array":
            for item in try value.array { try check(item, schema["items"], schemas) }
        case "string": _ = try value.string
        case "integer": _ = try value.int
        default: break
        }
    }
}

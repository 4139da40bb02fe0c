import Castor
import HTTPTypes

/// The OpenAPI 3.0 document of a table of routes.
package enum OpenAPIDocument {
    /// - Parameter version: of the program.
    package static func json(_ table: RouteTable, version: String) -> [UInt8] {
        var json = JSONWriter()
        json.raw("{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"Castor\",\"version\":\"\(version)\",\"description\":")
        json.string(
            "The local twin of the hosted Gemini Embedding service. Every JSON field may also be spelled in snake_case."
        )
        json.raw("},\"paths\":{")
        let paths = Dictionary(grouping: table.routes, by: \.template)
        for (index, path) in paths.keys.sorted().enumerated() {
            json.raw(index > 0 ? "," : "")
            json.string(path)
            json.raw(":{")
            for (index, route) in paths[path]!.enumerated() {
                json.raw(index > 0 ? "," : "")
                operation(route, &json)
            }
            json.raw("}")
        }
        json.raw("},\"components\":{\"securitySchemes\":\(securitySchemes),\"schemas\":\(OpenAPISchemas.json)}}\n")
        return json.bytes
    }

    private static func operation(_ route: RouteTable.Route, _ json: inout JSONWriter) {
        guard let description = OperationDescription.of(route) else { return }
        json.raw("\"\(route.method.rawValue.lowercased())\":{\"operationId\":")
        let suffix = route.version == .none ? "" : "_\(route.version.rawValue)"
        json.string(description.id + suffix)
        json.raw(",\"summary\":")
        json.string(description.summary)
        json.raw(",\"security\":")
        json.raw(route.access == .key ? "[{\"header\":[]},{\"query\":[]},{\"bearer\":[]},{}]" : "[]")
        json.raw(",\"parameters\":[")
        let inPath = parameters(of: route.template).map { ($0, "path", true) }
        for (index, (name, place, isRequired)) in (inPath + description.query.map { ($0, "query", false) }).enumerated()
        {
            json.raw(index > 0 ? "," : "")
            let type = name.hasSuffix("Size") ? "integer\",\"format\":\"int32" : "string"
            json.raw(
                "{\"name\":\"\(name)\",\"in\":\"\(place)\",\"required\":\(isRequired),\"schema\":{\"type\":\"\(type)\"}}"
            )
        }
        json.raw("]")
        if let request = description.request {
            json.raw(
                ",\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":"
                    + "{\"$ref\":\"#/components/schemas/\(request)\"}}}}")
        }
        json.raw(",\"responses\":{\"200\":{\"description\":\"OK\"")
        if let response = description.response {
            json.raw(
                ",\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/\(response)\"}}}")
        }
        let error = route.face == .openAI ? "ErrorList" : "ErrorResponse"
        json.raw("},\"default\":{\"description\":\"An error\",\"content\":{\"application/json\":{\"schema\":")
        json.raw("{\"$ref\":\"#/components/schemas/\(error)\"}}}}}}")
    }

    private static func parameters(of template: String) -> [String] {
        template.split(separator: "{").dropFirst().compactMap { $0.split(separator: "}").first.map(String.init) }
    }

    private static let securitySchemes =
        "{\"header\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"x-goog-api-key\"},"
        + "\"query\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"key\"},\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}}"
}

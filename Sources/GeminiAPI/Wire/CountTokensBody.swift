/// `CountTokensRequest`: contents, or the request that they would be part of.
package struct CountTokensBody: Decodable {
    package var contents: [WireContent]

    private static let schema = WireSchema([
        "model", "contents", "generate_content_request", "instances", "system_instruction", "tools",
        "generation_config",
    ])

    package init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        _ = try fields.string("model")
        contents = try fields.value("contents", [WireContent].self) ?? []
        if let instruction = try fields.value("system_instruction", WireContent.self) { contents.append(instruction) }
        if let instances = try fields.value("instances", [PredictInstance].self) {
            contents += instances.map { WireContent(parts: [.text($0.content)]) }
        }
        if let request = try fields.value("generate_content_request", GenerateContentRequest.self) {
            guard contents.isEmpty else {
                throw fields.failure("Only one of contents and generate_content_request may be given.")
            }
            contents = request.contents
        }
    }

    /// Of which the contents alone are counted; how an answer would be made has no tokens.
    private struct GenerateContentRequest: Decodable {
        let contents: [WireContent]

        static let schema = WireSchema([
            "model", "contents", "system_instruction", "tools", "tool_config", "safety_settings", "generation_config",
            "cached_content",
        ])

        init(from decoder: any Decoder) throws {
            let fields = try WireObject(decoder, Self.schema)
            let contents = try fields.value("contents", [WireContent].self) ?? []
            self.contents = try contents + [fields.value("system_instruction", WireContent.self)].compactMap { $0 }
        }
    }
}

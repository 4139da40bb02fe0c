package import Castor
package import CastorJSON

/// `CountTokensRequest`: contents, or the request that they would be part of.
package struct CountTokensBody: WireBody {
    package var contents: [Content]

    package init(_ json: inout JSONReader) throws(JSONError) {
        var parts = ContentFields()
        var instances: [PredictInstance] = []
        var request: ContentFields?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "model": _ = try json.wireString()
            case "instances":
                instances = try json.list { (json) throws(JSONError) in try PredictInstance(&json) }
            case "generate_content_request":
                var fields = ContentFields()
                try json.startObject()
                while let name = try json.nextField() {
                    if try fields.take(name, &json) { continue }
                    switch name {
                    case "model", "tool_config", "safety_settings", "cached_content": try json.skip()
                    default: try json.unknown(name)
                    }
                }
                request = fields
            default: if try !parts.take(name, &json) { try json.unknown(name) }
            }
        }
        contents = parts.all + instances.map { Content($0.content) }
        if let request {
            guard contents.isEmpty else {
                throw json.failure(.value("Only one of contents and generate_content_request may be given."))
            }
            contents = request.all
        }
    }

    /// What is counted of a request; how an answer would be made has no tokens.
    private struct ContentFields {
        var contents: [Content] = []
        var instruction: Content?

        var all: [Content] { contents + (instruction.map { [$0] } ?? []) }

        /// Whether the name is one of these.
        mutating func take(_ name: JSONName, _ json: inout JSONReader) throws(JSONError) -> Bool {
            switch name {
            case "contents": contents = try json.list { (json) throws(JSONError) in try Content(&json) }
            case "system_instruction": instruction = try Content(&json)
            case "tools", "generation_config": try json.skip()
            default: return false
            }
            return true
        }
    }
}

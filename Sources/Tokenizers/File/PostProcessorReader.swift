internal import CastorJSON

/// The tokens that are put around a text.
struct SurroundingTokens {
    var prefix: [Int32] = []
    var suffix: [Int32] = []

    private static let mostTokens = 64

    init(_ value: JSONValue) throws(TokenizerError) {
        guard value != .null else { return }
        var isSet = false
        try read(value, place: "post_processor", &isSet)
    }

    private mutating func read(_ value: JSONValue, place: String, _ isSet: inout Bool) throws(TokenizerError) {
        let fields = try StepFields(value, place: place)
        let type = try fields.type
        switch type {
        case "Sequence":
            try fields.allow(["processors"])
            for (index, item) in try fields.list("processors").enumerated() {
                try read(item, place: "\(place).processors[\(index)]", &isSet)
            }
            return
        // It moves offsets alone.
        case "ByteLevel": return
        default: break
        }
        guard !isSet else { throw .unsupported(field: place, value: "a second step that adds tokens") }
        isSet = true
        switch type {
        case "TemplateProcessing": try readTemplate(fields)
        case "BertProcessing", "RobertaProcessing":
            prefix = [try Self.token(fields, "cls")]
            suffix = [try Self.token(fields, "sep")]
        default: throw .unsupported(field: fields.field("type"), value: "\"\(type)\"")
        }
        guard prefix.count + suffix.count <= Self.mostTokens else {
            throw .unsupported(field: place, value: "more than \(Self.mostTokens) tokens around a text")
        }
    }

    /// `["[SEP]", 102]`.
    private static func token(_ fields: StepFields, _ name: String) throws(TokenizerError) -> Int32 {
        let list = try fields.list(name)
        guard list.count == 2, let id = id(list[1]) else {
            throw .invalid(field: fields.field(name), reason: "must be a token and its id")
        }
        return id
    }

    private static func id(_ value: JSONValue) -> Int32? {
        guard case .number(let number) = value, let id = Int32(exactly: number), id >= 0 else { return nil }
        return id
    }

    private mutating func readTemplate(_ fields: StepFields) throws(TokenizerError) {
        try fields.allow(["single", "pair", "special_tokens"])
        let tokens = try StepFields(fields["special_tokens"] ?? .object([:]), place: fields.field("special_tokens"))
        var hasText = false
        for (index, value) in try fields.list("single").enumerated() {
            let place = "\(fields.field("single"))[\(index)]"
            let piece = try StepFields(value, place: place)
            try piece.allow(["SpecialToken", "Sequence"])
            let isSequence = piece["Sequence"] != nil
            let name = isSequence ? "Sequence" : "SpecialToken"
            let part = try StepFields(piece[name] ?? .null, place: "\(place).\(name)")
            try part.allow(["id", "type_id"])
            // Segment ids are not made: text is all of one.
            let typeID = try part.integer("type_id")
            guard typeID == 0 else { throw .unsupported(field: part.field("type_id"), value: "\(typeID)") }
            let id = try part.text("id")
            if isSequence {
                guard id == "A" else { throw .unsupported(field: part.field("id"), value: "\"\(id)\"") }
                guard !hasText else { throw .unsupported(field: part.field("id"), value: "the text a second time") }
                hasText = true
            } else {
                let ids = try Self.ids(of: id, in: tokens)
                if hasText { suffix += ids } else { prefix += ids }
            }
        }
        guard hasText else { throw .invalid(field: fields.field("single"), reason: "the text is not in it") }
    }

    private static func ids(of token: String, in tokens: StepFields) throws(TokenizerError) -> [Int32] {
        guard let value = tokens[token] else {
            throw .invalid(field: tokens.place, reason: "lacks \"\(token)\", which the template names")
        }
        let fields = try StepFields(value, place: tokens.field(token))
        let list = try fields.list("ids")
        let ids = list.compactMap { id($0) }
        guard ids.count == list.count, ids.count <= mostTokens else {
            throw .invalid(field: fields.field("ids"), reason: "must be ids")
        }
        return ids
    }
}

import CastorJSON
import Encoder

/// Ids that a tokenizer puts around a text, from the post-processor of `tokenizer.json`.
struct SequenceTemplate {
    private(set) var spec = SequenceSpec()

    init(_ folder: HubFolder) throws(CheckpointError) {
        guard folder.exists("tokenizer.json") else { throw .notFound(path: "\(folder.path)/tokenizer.json") }
        let skeleton = try TokenizerSkeleton(folder)
        if let processor = skeleton.processor { try read(processor, skeleton.file) }
    }

    private mutating func read(_ value: JSONValue, _ file: String) throws(CheckpointError) {
        let processor = try HubConfiguration(value, file: file, path: "post_processor.")
        switch try processor.optionalText("type") ?? "" {
        case "TemplateProcessing": try template(value, processor)
        case "BertProcessing", "RobertaProcessing":
            spec.begin = [try Self.id(value["cls"], processor, "cls")]
            spec.end = [try Self.id(value["sep"], processor, "sep")]
        case "ByteLevel": break
        case "Sequence":
            guard case .list(let steps)? = value["processors"] else {
                throw processor.failure("processors", "is not a list")
            }
            for step in steps { try read(step, file) }
        case let type: throw processor.failure("type", "\"\(type)\" is not supported")
        }
    }

    /// `single`: special tokens, the text A, special tokens.
    private mutating func template(_ value: JSONValue, _ processor: HubConfiguration) throws(CheckpointError) {
        guard case .list(let items)? = value["single"] else { throw processor.failure("single", "is not a list") }
        var isBehind = false
        for item in items {
            if item["Sequence"] != nil {
                isBehind = true
            } else if case .text(let name)? = item["SpecialToken"]?["id"] {
                guard case .list(let ids)? = value["special_tokens"]?[name]?["ids"] else {
                    throw processor.failure("special_tokens", "has no ids of \"\(name)\"")
                }
                for id in ids {
                    let id = try Self.number(id, processor, "special_tokens")
                    if isBehind { spec.end.append(id) } else { spec.begin.append(id) }
                }
            }
        }
    }

    /// Of a pair of text and id.
    private static func id(_ pair: JSONValue?, _ processor: HubConfiguration, _ key: String) throws(CheckpointError)
        -> Int32
    {
        guard case .list(let pair)? = pair, pair.count == 2 else { throw processor.failure(key, "is not a pair") }
        return try number(pair[1], processor, key)
    }

    private static func number(
        _ value: JSONValue, _ processor: HubConfiguration, _ key: String
    ) throws(CheckpointError) -> Int32 {
        guard case .number(let number) = value, let id = Int32(exactly: number), id >= 0 else {
            throw processor.failure(key, "holds \(value.kind), not an id")
        }
        return id
    }
}

/// `tokenizer.json` without its vocabulary, which is long.
struct TokenizerSkeleton {
    let file = "tokenizer.json"
    let processor: JSONValue?
    private let normalizer: JSONValue?
    /// Ids of tokens that were added to the vocabulary, as special ones are.
    let added: [String: Int]

    init(_ folder: HubFolder) throws(CheckpointError) {
        let mapped = try folder.file(file)
        var options = JSONReader.Options.strict
        options.maxValues = 16_000_000
        do {
            let (value, normalizer, tokens) = try JSONReader.read(mapped.bytes, options) { (json) throws(JSONError) in
                var (found, normalizer, tokens): (JSONValue?, JSONValue?, JSONValue?) = (nil, nil, nil)
                try json.startObject()
                while let name = try json.nextName() {
                    if name.text == "post_processor" {
                        found = try JSONValue(json: json.copy())
                    } else if name.text == "normalizer" {
                        normalizer = try JSONValue(json: json.copy())
                    } else if name.text == "added_tokens" {
                        tokens = try JSONValue(json: json.copy())
                    } else {
                        try json.skip()
                    }
                }
                return (found, normalizer, tokens)
            }
            processor = value == .null ? nil : value
            self.normalizer = normalizer
            var added: [String: Int] = [:]
            if case .list(let items)? = tokens {
                for item in items {
                    guard case .text(let content)? = item["content"], case .number(let number)? = item["id"] else {
                        continue
                    }
                    added[content] = Int(exactly: number)
                }
            }
            self.added = added
        } catch {
            throw .unreadable(path: mapped.path, reason: error.description)
        }
    }

    /// Whether its normalizer makes letters small.
    var lowersLetters: Bool { Self.lowers(normalizer) }

    private static func lowers(_ step: JSONValue?) -> Bool {
        switch step?["type"] {
        case .text("Lowercase"): return true
        case .text("BertNormalizer"): return step?["lowercase"] != .flag(false)
        case .text("Sequence"):
            guard case .list(let steps)? = step?["normalizers"] else { return false }
            return steps.contains { lowers($0) }
        default: return false
        }
    }
}

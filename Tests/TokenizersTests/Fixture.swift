import CastorJSON
import FoundationEssentials
import Testing
import Tokenizers

/// A tokenizer of tools/tokenizers/make_fixtures.py, and what the library `tokenizers` makes of its texts.
struct Fixture: CustomTestStringConvertible {
    static let names = [
        "wordpiece", "wordpiece-cased", "roberta", "qwen", "ignored-merges", "clip", "gemma", "llama", "unigram",
        "precompiled", "words", "words-previous", "words-next", "words-contiguous", "words-inverted",
    ]

    let name: String
    let json: [UInt8]
    private let golden: JSONValue

    init(_ name: String) throws {
        self.name = name
        json = try Self.bytes("\(name).json")
        golden = try JSONValue(json: try Self.bytes("\(name).ids.json"))
    }

    var testDescription: String { name }

    func tokenizer() throws -> TextTokenizer { try TextTokenizer(json: json) }

    /// `ids`, `literal` or `cut`, a text after the other.
    func golden(_ kind: String) -> [[Int32]] {
        guard case .list(let texts)? = golden[kind] else { return [] }
        return texts.map { text in
            guard case .list(let ids) = text else { return [] }
            return ids.map { if case .number(let id) = $0 { Int32(id) } else { -1 } }
        }
    }

    static func texts() throws -> [String] {
        guard case .list(let texts) = try JSONValue(json: try bytes("texts.json")) else { return [] }
        return texts.map { if case .text(let text) = $0 { text } else { "" } }
    }

    /// The file with one text of it replaced everywhere.
    func changed(_ old: String, _ new: String) -> [UInt8] {
        let text = String(decoding: json, as: UTF8.self)
        precondition(text.contains(old), "\(name) has no \(old)")
        return Array(text.replacing(old, with: new).utf8)
    }

    private static let folder = #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/Fixtures"

    private static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))
    }
}

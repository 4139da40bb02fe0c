package import Castor

/// How a row becomes a content: columns that are texts and columns that name files, in order.
struct ContentSpec: Sendable, Equatable {
    enum Piece: Sendable, Equatable {
        case text(String)
        /// Files beside the table, one part each.
        case file(String)
        /// A list of texts, each of which makes a content of its own.
        case each(String)

        var column: String {
            switch self {
            case .text(let column), .file(let column), .each(let column): column
            }
        }
    }

    let pieces: [Piece]

    var columns: [String] { pieces.map(\.column) }
    /// For names of metrics.
    var label: String { columns.joined(separator: "+") }
    var makesSeveral: Bool { pieces.contains { if case .each = $0 { true } else { false } } }

    /// The row's contents: one, or with ``Piece/each(_:)`` one for each of its texts; nil if a column is missing.
    func contents(_ row: Table.Row, folder: String) -> [Content]? {
        var contents = [Content([])]
        for piece in pieces {
            guard let field = row.fields[piece.column] else { return nil }
            switch (piece, field) {
            case (.text, .text(let text)):
                for index in contents.indices { contents[index].parts.append(.text(text)) }
            case (.file, _):
                let names = field.values
                for index in contents.indices {
                    contents[index].parts += names.map { .file(Paths.join(folder, $0)) }
                }
            case (.each, _):
                contents = field.values.flatMap { text in
                    contents.map { Content($0.parts + [.text(text)]) }
                }
            case (.text, .list): return nil
            }
        }
        return contents
    }
}

extension Table.Field {
    /// One value, or those of a list.
    var values: [String] {
        switch self {
        case .text(let text): [text]
        case .list(let texts): texts
        }
    }
}

/// A content to embed and what to call it in messages.
package struct EvaluationItem: Sendable, Equatable {
    package var content: Content
    package var title: String?
    /// As in `texts.tsv line 3`.
    package var origin: String

    /// Equal for equal contents.
    var identity: String {
        var identity = title.map { "T\($0)\u{0}" } ?? ""
        for part in content.parts {
            switch part {
            case .text(let text): identity += "t\(text)\u{0}"
            case .file(let path, _): identity += "f\(path)\u{0}"
            case .clip(let video, let metadata):
                identity += "c\(metadata)\u{0}\(EvaluationItem(content: Content([video]), origin: "").identity)"
            case .data(let bytes, let type): identity += "d\(type ?? "")\(bytes.array)\u{0}"
            }
        }
        return identity
    }
}

import Castor
import Search

/// Results for people: score, medium, place, and what stands there.
struct SearchTable {
    private let hits: [SearchHit]

    private let thumbnails: Thumbnails

    init(_ hits: [SearchHit], _ thumbnails: Thumbnails) {
        self.hits = hits
        self.thumbnails = thumbnails.protocolOfTerminal
    }

    func write() throws {
        guard !hits.isEmpty else { return Terminal.error("castor: nothing was found\n") }
        let folder = RawPath(".").absolute
        let width = Medium.allCases.map(\.name.count).max() ?? 0
        var text = ""
        for hit in hits {
            let name = hit.medium.name + String(repeating: " ", count: width - hit.medium.name.count)
            let place = hit.place.description
            text += "\(Self.score(hit.score))  \(name)  \(Self.shown(hit.path, from: folder))"
            if !place.isEmpty { text += "  \(place)" }
            switch hit.fileNow {
            case .same: text += "\n"
            case .missing: text += "  (not there now)\n"
            case .changed: text += "  (changed since it was indexed)\n"
            }
            if hit.medium == .image, let picture = thumbnails.picture(at: hit.path.bytes) {
                text += picture
            }
            if !hit.snippet.isEmpty {
                text +=
                    String(repeating: " ", count: width + 9) + Self.cut(hit.snippet.withoutInvisible.printable) + "\n"
            }
        }
        try Terminal.output(Array(text.utf8))
    }

    /// Three digits, which is what half precision keeps.
    private static func score(_ score: Float) -> String {
        let thousandths = Int((abs(score) * 1_000).rounded())
        let digits = String(1_000 + thousandths % 1_000).dropFirst()
        return "\(score < 0 ? "-" : " ")\(thousandths / 1_000).\(digits)"
    }

    /// From where the person stands, if it is below.
    private static func shown(_ path: RawPath, from folder: RawPath) -> String {
        guard folder.bytes.count > 1, path != folder, path.isInside(folder) else { return path.printable }
        return RawPath(bytes: Array(path.bytes[(folder.bytes.count + 1)...])).printable
    }

    private static let columns = 100

    private static func cut(_ text: String) -> String {
        text.count <= columns ? text : String(text.prefix(columns - 1)) + "…"
    }
}

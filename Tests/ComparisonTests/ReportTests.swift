import CastorNumerics
import Comparison
import Foundation
import FoundationXML
import TestSupport
import Testing

@Suite struct ReportTests {
    private static let sections = [
        "sizes", "neighbors", "scores", "modalities", "judged", "maps", "differences", "files", "reading",
    ]

    @Test func thePageIsWholeAndNeedsNothing() throws {
        try Folders.withTemporary { folder in
            let a = randomUnits(60, 140, seed: 1)
            func file(_ m: Matrix, _ name: String) throws -> RecordedVectors {
                let text = VectorLines.text(m) { $0 < 30 ? "TEXT" : "IMAGE" } + "broken <&>\n"
                try Folders.write(Array(text.utf8), "\(folder)/\(name)")
                return try RecordedVectors(path: "\(folder)/\(name)")
            }
            var lines = ""
            for row in 0..<60 {
                let part =
                    row < 30
                    ? "{\"text\": \"caption <\(row)> & \\\"more\\\"\"}"
                    : "{\"fileData\": {\"fileUri\": \"\(row == 31 ? "../out.bmp" : "p.bmp")\"}}"
                lines += "{\"key\": \"k\(row)\", \"request\": {\"content\": {\"parts\": [\(part)]}}}\n"
            }
            try Folders.write(Array(lines.utf8), "\(folder)/in.jsonl")
            try Folders.write(Self.picture, "\(folder)/p.bmp")
            try Folders.write(Array("q\td\tscore\nk1\tk2\t1\nk3\tk4\t2\n".utf8), "\(folder)/qrels.tsv")
            var options = Comparer.Options()
            options.judgments = try Judgments(path: "\(folder)/qrels.tsv")
            let result = try Comparer(options, pool: pool)(file(a, "a<b>"), file(disturbed(a, by: 1, seed: 2), "c&d"))
            let labels = try ContentLabels(path: "\(folder)/in.jsonl")
            let html = ComparisonReport(result, labels: labels, version: "test").html

            let reader = Reader()
            let parser = XMLParser(data: Data(html.utf8))
            parser.delegate = reader
            #expect(parser.parse(), "line \(parser.lineNumber): \(String(describing: parser.parserError))")
            #expect(reader.sections == Self.sections && reader.outside.isEmpty && reader.plots == 3)
            #expect(html.contains("data:image/jpeg;base64,") && html.contains("caption &lt;"))
            // A name outside of the folder is a name and never opened.
            #expect(labels("k31") == [.text("out.bmp")] && labels("nobody") == [.text("nobody")])
            guard case .picture? = labels("k30").first else {
                Issue.record("no picture")
                return
            }
        }
    }

    @Test func withoutAnythingOptionalThereIsAPageToo() throws {
        try Folders.withTemporary { folder in
            let a = randomUnits(5, 3, seed: 3)
            try Folders.write(Array(VectorLines.text(a).utf8), "\(folder)/a")
            let file = try RecordedVectors(path: "\(folder)/a")
            let html = ComparisonReport(try Comparer(.init(), pool: pool)(file, file), version: "test").html
            let reader = Reader()
            let parser = XMLParser(data: Data(html.utf8))
            parser.delegate = reader
            #expect(parser.parse() && reader.sections == ["sizes", "neighbors", "scores", "maps", "files", "reading"])
        }
    }

    /// A BMP of 4 x 4 red pixels.
    private static let picture: [UInt8] = {
        let pixels = Array(repeating: [0, 0, 255] as [UInt8], count: 16).flatMap { $0 }
        let header: [Int] = [54 + pixels.count, 0, 54, 40, 4, 4, 1 | 24 << 16, 0, pixels.count, 0, 0, 0, 0]
        return Array("BM".utf8) + header.flatMap { value in (0..<4).map { UInt8(value >> (8 * $0) & 255) } } + pixels
    }()

    private final class Reader: NSObject, XMLParserDelegate {
        var sections: [String] = []
        var outside: [String] = []
        var plots = 0

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            if name == "section" { sections.append(attributes["id"] ?? "") }
            if name == "svg", attributes["role"] == "img" { plots += 1 }
            if ["script", "link", "iframe", "object", "use"].contains(name) { outside.append(name) }
            for (key, value) in attributes where ["src", "href"].contains(key) {
                if !value.hasPrefix("data:image/jpeg;base64,") { outside.append(value) }
            }
            for value in attributes.values where value.contains("://") || value.contains("url(") {
                outside.append(value)
            }
        }
    }
}

import Foundation
import FoundationXML
import Testing

/// What a report must be: XML that parses, every section, nothing from outside.
enum ReportChecks {
    static let sections = [
        "before-after", "retrieval", "sizes", "loss", "rate", "stability", "neighbors", "data", "recipe", "reading",
    ]

    static func expectComplete(
        _ html: String, plots: Int = 6, hasTasks: Bool = false, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let reader = Reader()
        let parser = XMLParser(data: Data(html.utf8))
        parser.delegate = reader
        #expect(
            parser.parse(), "line \(parser.lineNumber): \(String(describing: parser.parserError))",
            sourceLocation: sourceLocation)
        let expected = hasTasks ? [sections[0], "tasks"] + sections[1...] : sections
        #expect(reader.sections == expected, sourceLocation: sourceLocation)
        #expect(reader.outside.isEmpty, "\(reader.outside)", sourceLocation: sourceLocation)
        #expect(reader.doubledIDs.isEmpty, "\(reader.doubledIDs)", sourceLocation: sourceLocation)
        #expect(reader.plots >= plots && reader.titles >= reader.plots, sourceLocation: sourceLocation)
    }

    private final class Reader: NSObject, XMLParserDelegate {
        var sections: [String] = []
        var outside: [String] = []
        var doubledIDs: [String] = []
        var plots = 0
        var titles = 0
        private var ids = Set<String>()

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            if let id = attributes["id"], !ids.insert(id).inserted { doubledIDs.append(id) }
            if name == "section" { sections.append(attributes["id"] ?? "") }
            if name == "svg", attributes["role"] == "img" { plots += 1 }
            if name == "title" { titles += 1 }
            if ["script", "link", "iframe", "object", "use"].contains(name) { outside.append(name) }
            for (key, value) in attributes where ["src", "href", "xlink:href", "data", "srcset"].contains(key) {
                if !value.hasPrefix("data:image/jpeg;base64,") { outside.append("\(name) \(key)=\(value)") }
            }
            for value in attributes.values where value.contains("://") || value.contains("url(") {
                outside.append(value)
            }
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) {
            if string.contains("@import") || string.contains("url(") { outside.append(string) }
        }
    }
}

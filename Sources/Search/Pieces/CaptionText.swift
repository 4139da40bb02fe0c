/// What the file beside a picture says of it.
enum CaptionText {
    /// Of the file; more is not read.
    static let maxBytes = 1 << 20

    /// Empty for one that says nothing. Throws `damaged` for what is no text.
    static func read(_ bytes: [UInt8], _ path: RawPath) throws(Problem) -> String {
        guard let text = FilePieces.text(bytes) else { throw Problem(.damaged, "no text") }
        return path.fileExtension == "xmp" ? described(text) : text.trimmingSpaces
    }

    /// Of XMP its title, its description and its keywords (Dublin Core, as programs for photos write them), each on a line.
    private static func described(_ xmp: String) -> String {
        let text = withoutSections(xmp)
        return ["dc:title", "dc:description", "dc:subject"].compactMap { name -> String? in
            guard let value = element(name, text) ?? attribute(name, text) else { return nil }
            // Its lists are made of tags, which are passed over.
            let said = TextBlock.html(value).map(\.text)
            return said.isEmpty ? nil : said.joined(separator: ", ")
        }.joined(separator: "\n")
    }

    private static func element(_ name: String, _ text: String) -> String? {
        guard let start = text.firstRange(of: "<\(name)>"),
            let end = text[start.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        return String(text[start.upperBound..<end.lowerBound])
    }

    /// RDF's short form of an element that has no parts.
    private static func attribute(_ name: String, _ text: String) -> String? {
        guard let start = text.firstRange(of: " \(name)=") else { return nil }
        let rest = text[start.upperBound...]
        guard let quote = rest.first, "\"'".contains(quote), let end = rest.dropFirst().firstIndex(of: quote) else {
            return nil
        }
        return String(rest[rest.index(after: rest.startIndex)..<end])
    }

    /// CDATA written as other text is.
    private static func withoutSections(_ text: String) -> String {
        var (result, rest) = ("", text[...])
        while let start = rest.firstRange(of: "<![CDATA["),
            let end = rest[start.upperBound...].firstRange(of: "]]>")
        {
            result += rest[..<start.lowerBound]
            result += rest[start.upperBound..<end.lowerBound].replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            rest = rest[end.upperBound...]
        }
        return result + rest
    }
}

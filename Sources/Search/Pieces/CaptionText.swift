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
    private static func described(_ text: String) -> String {
        ["dc:title", "dc:description", "dc:subject"].compactMap { name -> String? in
            guard let start = text.firstRange(of: "<\(name)>"),
                let end = text[start.upperBound...].firstRange(of: "</\(name)>")
            else { return nil }
            // Its lists are made of tags, which are passed over.
            let said = TextBlock.html(String(text[start.upperBound..<end.lowerBound])).map(\.text)
            return said.isEmpty ? nil : said.joined(separator: ", ")
        }.joined(separator: "\n")
    }
}

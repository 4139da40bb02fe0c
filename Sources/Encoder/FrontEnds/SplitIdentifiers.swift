/// Names of code as words, as docs/model.md section 4 defines them: `parse_HTTPHeader` is "parse HTTP Header". The vocabulary does not know capitals, so
/// that this has to come before it.
enum SplitIdentifiers {
    /// The text with a space at each boundary and for each underscore; nil where there is none.
    static func words(of text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard let first = text.indices.first(where: { text[$0] == underscore || isBoundary($0, text) }) else {
            return nil
        }
        var words = [UInt8](text[..<first])
        words.reserveCapacity(text.count + text.count / 4)
        for index in first..<text.count {
            if isBoundary(index, text) { words.append(space) }
            words.append(text[index] == underscore ? space : text[index])
        }
        return words
    }

    private static let underscore = UInt8(ascii: "_")
    private static let space = UInt8(ascii: " ")

    /// Whether a word begins with this letter inside of another: "fooBar", "base64Encode", "HTTPHeader"; not "3D" and "PDFs".
    private static func isBoundary(_ index: Int, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard index > 0, isCapital(text[index]) else { return false }
        let before = text[index - 1]
        func isSmall(_ distance: Int) -> Bool {
            index + distance < text.count && Self.isSmall(text[index + distance])
        }
        if isDigit(before) { return isSmall(1) }
        return Self.isSmall(before) || (isCapital(before) && isSmall(1) && isSmall(2))
    }

    private static func isCapital(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
    private static func isSmall(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}

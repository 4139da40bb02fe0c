/// What is looked for in a text.
enum TextPattern: Sendable {
    /// Not empty.
    case text([UInt8])
    case expression(RegularExpression)

    /// Matches from the left, none within another.
    func forEachMatch(in text: [UInt8], _ body: (Range<Int>) -> Void) throws(TokenizerError) {
        let all = 0..<text.count
        var caught: TokenizerError?
        var budget = RegularExpression.Budget()
        text.withUnsafeBufferPointer { bytes in
            do throws(TokenizerError) { try forEachMatch(in: bytes, all, &budget, body) } catch { caught = error }
        }
        if let caught { throw caught }
    }

    /// As above, in a part of `bytes`, as if there were nothing around it.
    ///
    /// - Parameter budget: of all parts together
    func forEachMatch(
        in bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ budget: inout RegularExpression.Budget,
        _ body: (Range<Int>) -> Void
    ) throws(TokenizerError) {
        switch self {
        case .text(let wanted):
            var position = range.lowerBound
            while position + wanted.count <= range.upperBound {
                if bytes[position] == wanted[0], wanted.indices.allSatisfy({ bytes[position + $0] == wanted[$0] }) {
                    body(position..<position + wanted.count)
                    position += wanted.count
                } else {
                    position += 1
                }
            }
        case .expression(let expression):
            let part = UnsafeBufferPointer(rebasing: bytes[range])
            try expression.forEachMatch(in: part, &budget) { match in
                body(match.lowerBound + range.lowerBound..<match.upperBound + range.lowerBound)
            }
        }
    }
}

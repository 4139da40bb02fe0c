/// Two pieces that are joined, as the file has them.
struct MergedPair {
    struct Problem: Error {
        var reason: String
    }

    /// Of what is not repeated when the second is joined to the first.
    let prefixCount: Int
    private var left: [UInt8] = []
    private var right: [UInt8] = []
    private var isPair = true

    init(prefixCount: Int) {
        self.prefixCount = prefixCount
    }

    mutating func set(_ part: Int, _ bytes: UnsafeBufferPointer<UInt8>) {
        isPair = true
        if part == 0 {
            left.removeAll(keepingCapacity: true)
            left.append(contentsOf: bytes)
        } else {
            right.removeAll(keepingCapacity: true)
            right.append(contentsOf: bytes)
        }
    }

    /// The older form, `a b`. False where it is a comment.
    mutating func read(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        if line.starts(with: "#version".utf8) { return false }
        let space = UInt8(ascii: " ")
        guard let place = line.firstIndex(of: space), !line[(place + 1)...].contains(space) else {
            isPair = false
            return true
        }
        set(0, UnsafeBufferPointer(rebasing: line[..<place]))
        set(1, UnsafeBufferPointer(rebasing: line[(place + 1)...]))
        return true
    }

    mutating func ids(in vocabulary: Vocabulary) throws(Problem) -> (left: Int32, right: Int32, id: Int32) {
        guard isPair else { throw Problem(reason: "must be two pieces with a space between them") }
        guard let leftID = vocabulary.id(of: left) else { throw Problem(reason: Self.unknown(left)) }
        guard let rightID = vocabulary.id(of: right) else { throw Problem(reason: Self.unknown(right)) }
        guard right.count >= prefixCount else { throw Problem(reason: "the second piece lacks the prefix") }
        left.append(contentsOf: right[prefixCount...])
        guard let id = vocabulary.id(of: left) else { throw Problem(reason: Self.unknown(left)) }
        return (leftID, rightID, id)
    }

    private static func unknown(_ piece: [UInt8]) -> String {
        "the vocabulary lacks the piece \"\(String(decoding: piece.prefix(100), as: UTF8.self))\""
    }
}

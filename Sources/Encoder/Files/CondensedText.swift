/// A long text from its beginning, without the greater part of what makes no tokens: a stretch of dropped characters is kept as one of each,
/// because whether words stand apart depends on whether there is a space, not on how many. Tokens are those of the whole text.
struct CondensedText {
    private(set) var text: [UInt8] = []
    /// Whether the end of the text was reached.
    var isAll: Bool { position == bytes.count }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    /// The last window without tokens: the same again is found by comparing bytes, a thousand times faster.
    private var dropped: UnsafeBufferPointer<UInt8>?

    /// Small, so that what is kept of a text with a word now and then is far below what is read for a token at most.
    private static let windowBytes = 256

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    /// Goes on until `size` bytes are kept or the text ends.
    mutating func read<Failure: Error>(
        upTo size: Int, isDropped: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Bool
    ) throws(Failure) {
        while text.count < size, !isAll {
            let rest = UnsafeBufferPointer(rebasing: bytes[position...])
            let window = rest.prefix(utf8: Self.windowBytes)
            position += window.count
            if let dropped, dropped.elementsEqual(window) { continue }
            if try isDropped(window) {
                dropped = window
                text += Self.distinctCharacters(window)
            } else {
                dropped = nil
                text += window
            }
        }
    }

    private static func distinctCharacters(_ window: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var seen: Set<Unicode.Scalar> = []
        var result: [UInt8] = []
        for scalar in String(decoding: window, as: UTF8.self).unicodeScalars where seen.insert(scalar).inserted {
            result += scalar.utf8
        }
        return result
    }
}

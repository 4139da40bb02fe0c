/// What BERT does to a text first.
struct BertNormalizer: Sendable {
    var cleansText: Bool
    /// Ideographs stand apart, each a word.
    var spacesIdeographs: Bool
    var stripsAccents: Bool
    var lowercases: Bool

    func apply(_ text: inout [UInt8], movesStart: inout Bool) {
        let hasMore = text.contains { $0 >= 0x80 }
        if cleansText || spacesIdeographs || lowercases && !hasMore { text = cleaned(text, hasMore, &movesStart) }
        guard hasMore else { return }
        if stripsAccents {
            text = NormalForm.nfd.apply(text)
            text = Normalizer.filtered(text, &movesStart) { $0 < 0x300 || !CharacterSet.nonspacingMarks.contains($0) }
        }
        if lowercases {
            text = Normalizer.mapped(text) { code, result in
                Lowercase.append(code, to: &result)
                return true
            }
        }
    }

    private func cleaned(_ text: [UInt8], _ hasMore: Bool, _ movesStart: inout Bool) -> [UInt8] {
        let lowercasesNow = lowercases && !hasMore
        var isMoved = false
        let result = Normalizer.mapped(text) { code, result in
            if cleansText {
                if code == 0 || code == 0xfffd || CharacterSet.dropped.contains(code) {
                    if result.isEmpty { isMoved = true }
                    return false
                }
                if code <= 32 || code >= 0x80 && CharacterSet.spaces.contains(code) {
                    result.append(32)
                    return true
                }
            }
            if code < 0x80 {
                result.append(UInt8(lowercasesNow && code &- 0x41 < 26 ? code | 0x20 : code))
            } else if spacesIdeographs, Self.isIdeograph(code) {
                result.append(32)
                UTF8Characters.append(code, to: &result)
                result.append(32)
            } else {
                UTF8Characters.append(code, to: &result)
            }
            return true
        }
        if isMoved { movesStart = true }
        return result
    }

    private static func isIdeograph(_ code: UInt32) -> Bool {
        switch code {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}

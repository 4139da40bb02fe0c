/// Where what people take for one character ends (UAX 29), as the library `tokenizers` sees it. Without rule GB9c, which makes clusters of
/// at least six bytes.
enum GraphemeClusters {
    private enum Hangul { case leading, vowel, trailing, vowelSyllable, trailingSyllable, none }

    /// Of the cluster that begins at `start`, which is before `count`.
    static func end(_ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
        var position = start
        var code = UTF8Characters.next(base, &position)
        if code == 13, position < count, base[position] == 10 { return position + 1 }
        var regionalIndicators = isRegionalIndicator(code) ? 1 : 0
        var isPictograph = code >= 0x80 && CharacterSet.pictographs.contains(code)
        var isJoined = false
        while position < count, !(code < 0x80 && base[position] < 0x80) {
            var next = position
            let following = UTF8Characters.next(base, &next)
            guard joins(code, following, regionalIndicators, isJoined: isJoined) else { break }
            regionalIndicators = isRegionalIndicator(following) ? regionalIndicators + 1 : 0
            // A pictograph, marks, and a joiner join another pictograph.
            isJoined = isPictograph && following == 0x200d
            if CharacterSet.pictographs.contains(following) {
                isPictograph = true
            } else if !CharacterSet.extending.contains(following) {
                isPictograph = false
            }
            code = following
            position = next
        }
        return position
    }

    private static func joins(_ code: UInt32, _ next: UInt32, _ regionalIndicators: Int, isJoined: Bool) -> Bool {
        if CharacterSet.controls.contains(code) || CharacterSet.controls.contains(next) { return false }
        if CharacterSet.extending.contains(next) || CharacterSet.prepended.contains(code) { return true }
        if isJoined, CharacterSet.pictographs.contains(next) { return true }
        if regionalIndicators % 2 == 1, isRegionalIndicator(next) { return true }
        switch (hangul(code), hangul(next)) {
        case (.leading, .leading), (.leading, .vowel), (.leading, .vowelSyllable), (.leading, .trailingSyllable),
            (.vowelSyllable, .vowel), (.vowelSyllable, .trailing), (.vowel, .vowel), (.vowel, .trailing),
            (.trailingSyllable, .trailing), (.trailing, .trailing):
            return true
        default: return false
        }
    }

    private static func isRegionalIndicator(_ code: UInt32) -> Bool { code &- 0x1f1e6 < 26 }

    private static func hangul(_ code: UInt32) -> Hangul {
        switch code {
        case 0x1100...0x115f, 0xa960...0xa97c: .leading
        case 0x1160...0x11a7, 0xd7b0...0xd7c6: .vowel
        case 0x11a8...0x11ff, 0xd7cb...0xd7fb: .trailing
        case 0xac00...0xd7a3: (code - 0xac00) % 28 == 0 ? .vowelSyllable : .trailingSyllable
        default: .none
        }
    }
}

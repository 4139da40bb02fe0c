/// Lower case, character by character, whatever stands around it.
enum Lowercase {
    /// Characters that lie `step` apart and have `delta` added.
    private struct Group {
        var first: UInt32
        var last: UInt32
        var step: UInt32
        var delta: Int32
    }

    private static let groups: [Group] = {
        var groups: [Group] = []
        var numbers: [Int] = []
        var last = 0
        CharacterSet.numbers(UnicodeTables.lowercase) { number in
            numbers.append(number)
            guard numbers.count == 4 else { return }
            let first = last + numbers[0]
            groups.append(
                Group(
                    first: UInt32(first), last: UInt32(first + (numbers[1] - 1) * numbers[2]), step: UInt32(numbers[2]),
                    delta: Int32(numbers[3])))
            last = first
            numbers.removeAll(keepingCapacity: true)
        }
        return groups
    }()

    /// Capital I with a dot, the only one that becomes two characters.
    private static let dottedI: UInt32 = 0x130

    @inline(__always)
    static func append(_ code: UInt32, to bytes: inout [UInt8]) {
        if code < 0x80 {
            bytes.append(UInt8(code &- 0x41 < 26 ? code | 0x20 : code))
        } else if code == dottedI {
            bytes.append(UInt8(ascii: "i"))
            UTF8Characters.append(0x307, to: &bytes)
        } else {
            UTF8Characters.append(mapped(code), to: &bytes)
        }
    }

    private static func mapped(_ code: UInt32) -> UInt32 {
        groups.withUnsafeBufferPointer { groups in
            // The last group that begins at or before it; groups do not overlap.
            var (low, high) = (0, groups.count)
            while low < high {
                let middle = (low + high) / 2
                if groups[middle].first <= code { low = middle + 1 } else { high = middle }
            }
            if low > 0 {
                let group = groups[low - 1]
                if code <= group.last, (code - group.first) % group.step == 0 {
                    return UInt32(Int32(code) + group.delta)
                }
            }
            return code
        }
    }
}

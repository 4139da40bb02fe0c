/// Changes to JSON that leave it JSON: values that are other ones, members that are missing, doubled or of another name.
enum JSONMutation: CaseIterable {
    case setValue, swapValues, removeMember, copyMember, setName

    private static let values = [
        "0", "1", "2", "3", "-1", "7", "16", "255", "65536", "2147483647", "2147483648", "4294967296",
        "9007199254740993",
        "9223372036854775807", "-9223372036854775808", "1e300", "-1e300", "1e-300", "1e999", "0.5", "1e-12", "null",
        "true",
        "false", "\"\"", "\"x\"", "\"gelu\"", "\"mean\"", "\"../x\"", "\"\\u0000\"", "[]", "{}", "[0]", "[-1,1e300]",
        "[[]]",
        "[\"full_attention\"]", "{\"type\":\"Sequence\"}",
    ]

    /// One to four changes.
    static func mutate(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            allCases.randomElement(using: &random)!.apply(to: &result, &random)
        }
        return result
    }

    private func apply(to bytes: inout [UInt8], _ random: inout SeededGenerator) {
        let members = Self.members(bytes)
        guard let member = members.randomElement(using: &random) else { return }
        switch self {
        case .setValue:
            let value = Self.values.randomElement(using: &random)!
            bytes.replaceSubrange(member.value, with: Array(value.utf8))
        case .swapValues:
            let other = members.randomElement(using: &random)!
            bytes.replaceSubrange(member.value, with: Array(bytes[other.value]))
        case .removeMember:
            // The name alone, so that it is another's; or with its comma.
            if member.value.upperBound < bytes.count, bytes[member.value.upperBound] == UInt8(ascii: ",") {
                bytes.removeSubrange(member.name.lowerBound...member.value.upperBound)
            } else {
                bytes.removeSubrange(member.name)
            }
        case .copyMember:
            bytes.insert(
                contentsOf: Array(bytes[member.name.lowerBound..<member.value.upperBound]) + [UInt8(ascii: ",")],
                at: member.name.lowerBound)
        case .setName:
            let other = members.randomElement(using: &random)!
            bytes.replaceSubrange(member.name, with: Array(bytes[other.name]))
        }
    }

    /// Names with their colons, and values, as far as a glance tells.
    private static func members(_ bytes: [UInt8]) -> [(name: Range<Int>, value: Range<Int>)] {
        var members: [(name: Range<Int>, value: Range<Int>)] = []
        var at = 0
        while at < bytes.count, members.count < 4_000 {
            guard bytes[at] == UInt8(ascii: "\"") else {
                at += 1
                continue
            }
            let end = textEnd(bytes, at)
            var colon = end
            while colon < bytes.count, bytes[colon] <= 32 { colon += 1 }
            guard colon < bytes.count, bytes[colon] == UInt8(ascii: ":") else {
                at = end
                continue
            }
            var start = colon + 1
            while start < bytes.count, bytes[start] <= 32 { start += 1 }
            members.append((at..<colon + 1, start..<valueEnd(bytes, start)))
            // Members inside of the value, too.
            at = start
        }
        return members
    }

    private static func textEnd(_ bytes: [UInt8], _ start: Int) -> Int {
        var at = start + 1
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
        return min(at + 1, bytes.count)
    }

    private static func valueEnd(_ bytes: [UInt8], _ start: Int) -> Int {
        var (at, depth) = (start, 0)
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                at = textEnd(bytes, at)
                if depth == 0 { return at }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return at }
                depth -= 1
                if depth == 0 { return at + 1 }
            case UInt8(ascii: ","), 10:
                if depth == 0 { return at }
            default: break
            }
            at += 1
        }
        return bytes.count
    }
}

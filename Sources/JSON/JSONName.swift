import Glibc

/// The name of a member, where it stands in the bytes. It is compared there and becomes a `String` only where one is needed.
package struct JSONName {
    private let start: UnsafePointer<UInt8>
    private let count: Int
    /// Of a name with escapes in it.
    private let unescaped: String?

    init(start: UnsafePointer<UInt8>, count: Int, unescaped: String?) {
        self.start = start
        self.count = count
        self.unescaped = unescaped
    }

    package var text: String {
        unescaped ?? String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// The bytes of the name, where a `String` would cost too much.
    package func withBytes<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Value {
        guard var unescaped else { return body(UnsafeBufferPointer(start: start, count: count)) }
        return unescaped.withUTF8(body)
    }

    /// Whether this is `name`, a name of proto3 such as `mime_type`, in one of its two spellings.
    package static func ~= (name: StaticString, own: JSONName) -> Bool {
        if var text = own.unescaped {
            return text.withUTF8 { isSpelling($0.baseAddress, $0.count, of: name) }
        }
        return isSpelling(own.start, own.count, of: name)
    }

    private static func isSpelling(_ text: UnsafePointer<UInt8>?, _ count: Int, of name: StaticString) -> Bool {
        let (wanted, length) = (name.utf8Start, name.utf8CodeUnitCount)
        guard let text, count > 0, count <= length, text[0] == wanted[0] else { return false }
        if count == length { return memcmp(text, wanted, count) == 0 }
        var (at, place) = (0, 0)
        while place < length {
            var byte = wanted[place]
            if byte == UInt8(ascii: "_"), place + 1 < length {
                place += 1
                byte = wanted[place] & ~0x20
            }
            guard at < count, text[at] == byte else { return false }
            at += 1
            place += 1
        }
        return at == count
    }

    /// Whether there is another spelling at all.
    package var isCompound: Bool {
        for index in 0..<count where start[index] == UInt8(ascii: "_") || Self.isCapital(start[index]) { return true }
        return false
    }

    /// Whether both are one field's name in different spellings: equal but for underscores and capitals.
    package func isOtherSpelling(of other: JSONName) -> Bool {
        if count == other.count, memcmp(start, other.start, count) == 0 { return false }
        var (a, b) = (0, 0)
        while true {
            while a < count, start[a] == UInt8(ascii: "_") { a += 1 }
            while b < other.count, other.start[b] == UInt8(ascii: "_") { b += 1 }
            if a == count || b == other.count { return a == count && b == other.count }
            let (x, y) = (start[a], other.start[b])
            guard x == y || x ^ y == 0x20 && Self.isCapital(x & ~0x20) else { return false }
            a += 1
            b += 1
        }
    }

    private static func isCapital(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "A") < 26 }
}

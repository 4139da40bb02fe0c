package import Castor

/// Bytes to 128 bits that tell contents apart: enough against accidents, not against an attacker.
package struct ByteHash: Hashable, Sendable {
    package private(set) var first: UInt64
    package private(set) var second: UInt64

    package init(seed: UInt64 = 0) {
        first = seed ^ 0x9e37_79b9_7f4a_7c15
        second = seed ^ 0xc2b2_ae3d_27d4_eb4f
    }

    package init(first: UInt64, second: UInt64) {
        (self.first, self.second) = (first, second)
    }

    package init(_ bytes: [UInt8]) {
        self.init()
        add(bytes)
    }

    package init(_ bytes: ByteSource) {
        self.init()
        bytes.withUnsafeBytes { add($0) }
    }

    @inline(__always)
    package mutating func add(_ value: UInt64) {
        first = (first ^ value) &* 0xff51_afd7_ed55_8ccd
        first ^= first >> 32
        second = (second ^ value) &* 0xc4ce_b9fe_1a85_ec53
        second ^= second >> 29
    }

    /// The bytes and their number, so that what follows cannot be taken for a part of them.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        add(UInt64(bytes.count))
        var index = 0
        while index + 8 <= bytes.count {
            add(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        guard index < bytes.count else { return }
        var rest: UInt64 = 0
        for byte in bytes[index...] { rest = rest << 8 | UInt64(byte) }
        add(rest)
    }

    package mutating func add(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { add($0) }
    }

    package mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }

    /// All bits, in hexadecimal.
    package var text: String { "\(String(first, radix: 16))-\(String(second, radix: 16))" }

    /// 64 well mixed bits.
    package var value: UInt64 {
        var generator = SeededGenerator(seed: first ^ (second << 32 | second >> 32))
        return generator.next()
    }
}

extension SeededGenerator {
    /// A generator for one purpose: equal numbers, equal stream; any other number, another stream.
    package init(_ parts: UInt64...) {
        var hash = ByteHash()
        for part in parts { hash.add(part) }
        self.init(seed: hash.value)
    }

    /// In `range`.
    package mutating func next(in range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * nextUniform()
    }
}

/// What a random number is for. Raw values are part of every stream: never change one.
enum RandomPurpose: UInt64 {
    case task = 1, order, batchOrder, caption, prompt, picture, sound, patches
}

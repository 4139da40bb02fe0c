/// Pieces and their ids, for looking up whole pieces.
struct Vocabulary: Sendable {
    private var bytes: [UInt8] = []
    /// Where the pieces begin in ``bytes``, and where the last one ends.
    private var starts: [UInt32] = [0]
    private var ids: [Int32] = []
    /// Open addressing: the upper half of a piece's hash, and its place in ``ids`` counted from 1. 0 where there is none.
    private var slots = [UInt64](repeating: 0, count: 1 << 10)

    var count: Int { ids.count }

    @inline(__always)
    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15
        let raw = UnsafeRawBufferPointer(bytes)
        var at = 0
        while at &+ 8 <= raw.count {
            hash = mix(hash ^ raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at &+= 8
        }
        var rest: UInt64 = 0
        while at < raw.count {
            rest = rest << 8 | UInt64(raw[at])
            at &+= 1
        }
        return mix(hash ^ rest)
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return high ^ low &+ 0x9E37_79B9
    }

    func id(of piece: UnsafeBufferPointer<UInt8>) -> Int32? {
        let index = find(piece, Self.hash(piece))
        return index >= 0 ? ids[index] : nil
    }

    func id(of piece: [UInt8]) -> Int32? { piece.withUnsafeBufferPointer { id(of: $0) } }

    private func find(_ piece: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while true {
            let entry = slots[slot]
            if entry == 0 { return -1 }
            if entry >> 32 == hash >> 32 {
                let index = Int(entry & 0xffff_ffff) - 1
                if isEqual(index, piece) { return index }
            }
            slot = (slot + 1) & (slots.count - 1)
        }
    }

    private func isEqual(_ index: Int, _ piece: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = Int(starts[index])
        guard Int(starts[index + 1]) - start == piece.count else { return false }
        return bytes.withUnsafeBufferPointer {
            UnsafeBufferPointer(rebasing: $0[start..<start + piece.count]).elementsEqual(piece)
        }
    }

    /// A piece that is there gets the new id.
    mutating func add(_ piece: UnsafeBufferPointer<UInt8>, id: Int32) {
        let hash = Self.hash(piece)
        let known = find(piece, hash)
        if known >= 0 {
            ids[known] = id
            return
        }
        if (ids.count + 1) * 2 > slots.count { grow() }
        bytes.append(contentsOf: piece)
        starts.append(UInt32(bytes.count))
        ids.append(id)
        place(hash, ids.count)
    }

    private mutating func place(_ hash: UInt64, _ number: Int) {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = hash & ~0xffff_ffff | UInt64(number)
    }

    private mutating func grow() {
        slots = [UInt64](repeating: 0, count: slots.count * 4)
        for index in ids.indices {
            let hash = bytes.withUnsafeBufferPointer {
                Self.hash(UnsafeBufferPointer(rebasing: $0[Int(starts[index])..<Int(starts[index + 1])]))
            }
            place(hash, index + 1)
        }
    }
}

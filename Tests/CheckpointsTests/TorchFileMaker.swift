import TestSupport

/// Pickles and zip files that torch would not write, byte by byte.
enum TorchFileMaker {
    // MARK: - Pickle

    static func name(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

    static func text(_ text: String) -> [UInt8] { [0x58] + bytes(UInt32(text.utf8.count)) + Array(text.utf8) }

    static func whole(_ value: Int) -> [UInt8] {
        if let small = Int32(exactly: value) { return [0x4a] + bytes(UInt32(bitPattern: small)) }
        return [0x8a, 8] + bytes(UInt64(bitPattern: Int64(value)))
    }

    static func tuple(_ items: [[UInt8]]) -> [UInt8] { [0x28] + items.joined() + [0x74] }

    static func wholes(_ values: [Int]) -> [UInt8] { tuple(values.map(whole)) }

    static func storage(_ type: String = "FloatStorage", key: String = "0", count: Int) -> [UInt8] {
        tuple([text("storage"), name("torch", type), text(key), text("cpu"), whole(count)]) + [0x51]
    }

    /// A tensor of the storage `0` with four values, unless it is said otherwise.
    static func tensor(
        _ storage: [UInt8] = storage(count: 4), offset: Int = 0, shape: [Int] = [4], strides: [Int] = [1]
    ) -> [UInt8] {
        name("torch._utils", "_rebuild_tensor_v2")
            + tuple([storage, whole(offset), wholes(shape), wholes(strides), [0x89], [0x7d]]) + [0x52]
    }

    static func stateDict(_ items: [(String, [UInt8])]) -> [UInt8] {
        program([0x7d, 0x28] + items.flatMap { text($0.0) + $0.1 } + [0x75])
    }

    static func program(_ instructions: [UInt8]) -> [UInt8] { [0x80, 2] + instructions + [0x2e] }

    // MARK: - Zip

    struct Member {
        var name: String
        var bytes: [UInt8]
        var method: UInt16 = 0
        var flags: UInt16 = 0
        /// What the directory says, where that is not the truth.
        var size: UInt32?
        var start: UInt32?
        var nameInFront: String?
        /// Whether sizes and place stand in a zip64 field.
        var isWide = false
    }

    static func zip(_ members: [Member], comment: String = "") -> [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for member in members {
            let start = UInt32(file.count)
            let name = Array((member.nameInFront ?? member.name).utf8)
            let size = member.size ?? UInt32(member.bytes.count)
            file += bytes(UInt32(0x0403_4b50)) + bytes(UInt16(20)) + bytes(member.flags) + bytes(member.method)
            file += [UInt8](repeating: 0, count: 8) + bytes(size) + bytes(size)
            file += bytes(UInt16(name.count)) + bytes(UInt16(0)) + name + member.bytes
            let extra =
                member.isWide
                ? bytes(UInt16(1)) + bytes(UInt16(24)) + bytes(UInt64(size)) + bytes(UInt64(size))
                    + bytes(UInt64(member.start ?? start)) : []
            let (shownSize, shownStart) = member.isWide ? (.max, .max) : (size, member.start ?? start)
            directory += bytes(UInt32(0x0201_4b50)) + bytes(UInt16(20)) + bytes(UInt16(20)) + bytes(member.flags)
            directory += bytes(member.method) + [UInt8](repeating: 0, count: 8) + bytes(shownSize) + bytes(shownSize)
            directory += bytes(UInt16(member.name.utf8.count)) + bytes(UInt16(extra.count))
            directory += [UInt8](repeating: 0, count: 10) + bytes(shownStart) + Array(member.name.utf8) + extra
        }
        let end =
            bytes(UInt32(0x0605_4b50)) + bytes(UInt32(0)) + bytes(UInt16(members.count)) + bytes(UInt16(members.count))
            + bytes(UInt32(directory.count)) + bytes(UInt32(file.count)) + bytes(UInt16(comment.utf8.count))
        return file + directory + end + Array(comment.utf8)
    }

    /// A file of a pickle and the storage `0`.
    static func file(_ pickle: [UInt8], values: [UInt8] = [UInt8](repeating: 0, count: 16)) -> [UInt8] {
        zip([Member(name: "archive/data.pkl", bytes: pickle), Member(name: "archive/data/0", bytes: values)])
    }

    static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
}

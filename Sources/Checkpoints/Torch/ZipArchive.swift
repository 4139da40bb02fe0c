import Encoder

/// The members of a zip file that are stored as they are, which is how torch writes its files. Their bytes stay in the file, mapped.
///
/// What the directory says is checked against the file: places, sizes and names, there and in front of each member.
struct ZipArchive {
    /// Of each member, by its name, its bytes in the file.
    private(set) var members: [String: Range<Int>] = [:]
    private let file: MappedFile

    private static let maxMembers = 100_000
    private static let maxDirectoryBytes = 64 << 20

    init(_ file: MappedFile) throws(CheckpointError) {
        self.file = file
        let directory = try directory()
        var at = directory.range.lowerBound
        for _ in 0..<directory.count {
            let entry = try entry(at: at, before: directory.range.upperBound)
            at = entry.end
            let range = try range(of: entry, before: directory.range.lowerBound)
            guard members.updateValue(range, forKey: entry.name) == nil else {
                throw failure("has two members \(entry.name)")
            }
        }
        guard at == directory.range.upperBound else {
            throw failure("its directory has \(directory.range.upperBound - at) bytes behind its last member")
        }
    }

    private func failure(_ reason: String) -> CheckpointError { .unreadable(path: file.path, reason: reason) }

    /// A number of the file, or what says that the file ends before it.
    private func number<Number: FixedWidthInteger>(_ type: Number.Type, _ at: Int) throws(CheckpointError) -> Int {
        guard at >= 0, at <= file.bytes.count - MemoryLayout<Number>.size else {
            throw failure("is cut short: its zip directory leads to byte \(at) of \(file.bytes.count)")
        }
        let value = Number(littleEndian: file.bytes.loadUnaligned(fromByteOffset: at, as: Number.self))
        guard let whole = Int(exactly: value) else { throw failure("its zip directory holds the number \(value)") }
        return whole
    }

    // MARK: - Where the directory is

    private func directory() throws(CheckpointError) -> (range: Range<Int>, count: Int) {
        let end = try endRecord()
        guard try number(UInt16.self, end + 4) == 0, try number(UInt16.self, end + 6) == 0 else {
            throw failure("is a zip file of several parts")
        }
        var count = try number(UInt16.self, end + 10)
        var size = try number(UInt32.self, end + 12)
        var start = try number(UInt32.self, end + 16)
        var limit = end
        // Of files beyond 4 GB; torch writes it always.
        if end >= 20, try number(UInt32.self, end - 20) == 0x0706_4b50 {
            let record = try number(UInt64.self, end - 12)
            guard record <= end - 20 - 56, try number(UInt32.self, record) == 0x0606_4b50 else {
                throw failure("its zip64 record is not at byte \(record)")
            }
            count = try number(UInt64.self, record + 32)
            size = try number(UInt64.self, record + 40)
            start = try number(UInt64.self, record + 48)
            limit = record
        }
        guard start <= limit, size <= limit - start else {
            throw failure("its zip directory of \(size) bytes at byte \(start) goes beyond byte \(limit)")
        }
        guard size <= Self.maxDirectoryBytes, count <= Self.maxMembers else {
            throw failure(
                "its zip directory has \(count) members in \(size) bytes, more than \(Self.maxMembers) in \(Self.maxDirectoryBytes)"
            )
        }
        return (start..<start + size, count)
    }

    /// The last record, behind which stands a comment of the length that it says.
    private func endRecord() throws(CheckpointError) -> Int {
        let last = file.bytes.count - 22
        var at = last
        while at >= 0, at >= last - 0xffff {
            if try number(UInt32.self, at) == 0x0605_4b50, try number(UInt16.self, at + 20) == last - at { return at }
            at -= 1
        }
        throw failure("is no zip file, or is cut short: it has no zip directory at its end")
    }

    // MARK: - Members

    private struct Entry {
        let name: String
        let size: Int
        /// Of what stands in front of the member.
        let start: Int
        let end: Int
    }

    private func entry(at start: Int, before limit: Int) throws(CheckpointError) -> Entry {
        guard start <= limit - 46, try number(UInt32.self, start) == 0x0201_4b50 else {
            throw failure("its zip directory has no member at byte \(start)")
        }
        let nameLength = try number(UInt16.self, start + 28)
        let extraLength = try number(UInt16.self, start + 30)
        let end = start + 46 + nameLength + extraLength + (try number(UInt16.self, start + 32))
        guard end <= limit else { throw failure("its zip directory ends within the member at byte \(start)") }
        let name = String(decoding: file.bytes[start + 46..<start + 46 + nameLength], as: UTF8.self)
        guard try number(UInt16.self, start + 8) & 1 == 0 else { throw failure("its member \(name) is encrypted") }
        let method = try number(UInt16.self, start + 10)
        guard method == 0 else {
            throw failure("its member \(name) is compressed (method \(method)); torch stores members as they are")
        }
        var fields = [
            try number(UInt32.self, start + 24), try number(UInt32.self, start + 20),
            try number(UInt32.self, start + 42),
        ]
        try widen(&fields, extra: start + 46 + nameLength..<start + 46 + nameLength + extraLength, name)
        guard fields[0] == fields[1] else {
            throw failure("its member \(name) has \(fields[1]) bytes for \(fields[0]), and is not compressed")
        }
        return Entry(name: name, size: fields[0], start: fields[2], end: end)
    }

    /// Puts the wide numbers of the extra field in the place of those that have no room in 32 bits.
    private func widen(_ fields: inout [Int], extra: Range<Int>, _ name: String) throws(CheckpointError) {
        guard fields.contains(0xffff_ffff) else { return }
        var at = extra.lowerBound
        while at <= extra.upperBound - 4 {
            let (kind, length) = (try number(UInt16.self, at), try number(UInt16.self, at + 2))
            let end = at + 4 + length
            guard end <= extra.upperBound else { break }
            if kind == 1 {
                var from = at + 4
                for index in fields.indices where fields[index] == 0xffff_ffff {
                    guard from <= end - 8 else { throw failure("the zip64 field of its member \(name) is too short") }
                    fields[index] = try number(UInt64.self, from)
                    from += 8
                }
                return
            }
            at = end
        }
    }

    private func range(of entry: Entry, before limit: Int) throws(CheckpointError) -> Range<Int> {
        guard entry.start <= limit - 30, try number(UInt32.self, entry.start) == 0x0403_4b50 else {
            throw failure("its member \(entry.name) is not at byte \(entry.start)")
        }
        let nameLength = try number(UInt16.self, entry.start + 26)
        let start = entry.start + 30 + nameLength + (try number(UInt16.self, entry.start + 28))
        guard start <= limit, entry.size <= limit - start else {
            throw failure(
                "its member \(entry.name) of \(entry.size) bytes at byte \(entry.start) goes beyond byte \(limit)")
        }
        let name = String(decoding: file.bytes[entry.start + 30..<entry.start + 30 + nameLength], as: UTF8.self)
        guard name == entry.name else {
            throw failure("its member \(entry.name) is called \(name) where it stands")
        }
        return start..<start + entry.size
    }
}

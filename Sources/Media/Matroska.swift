/// The element structure of Matroska and WebM files: enough of it to tell those with pictures from those with sound alone.
enum Matroska {
    /// For bytes that begin with an EBML header.
    static func sniff(_ bytes: UnsafeRawBufferPointer) -> MediaType {
        let header = bytes.slice(0..<128)
        let isWebM = header.indices.contains { header.has("webm", at: $0) }
        let tracks = trackTypes(bytes)
        if tracks.contains(soundTrack), !tracks.contains(pictureTrack) { return .audio(isWebM ? .weba : .mka) }
        return .video(isWebM ? .webm : .mkv)
    }

    private static let pictureTrack: UInt8 = 1
    private static let soundTrack: UInt8 = 2

    /// Elements that are looked through on the way to the tracks, which come first in streams and near the beginning in files.
    private static let maxElements = 4_096

    private struct Element {
        var id: UInt32
        /// Cut at the end of the parent.
        var content: Range<Int>
        /// Nil where the writer could not know it.
        var claimedLength: Int?
    }

    /// What the segment, which holds all else, claims to have and what is there, where that is less: the file was cut.
    static func shortfall(_ bytes: UnsafeRawBufferPointer) -> (claimed: Int, present: Int)? {
        for segment in elements(bytes, 0..<bytes.count) where segment.id == segmentID {
            guard let claimed = segment.claimedLength, claimed > segment.content.count else { continue }
            return (claimed, segment.content.count)
        }
        return nil
    }

    private static let segmentID: UInt32 = 0x1853_8067

    private static func trackTypes(_ bytes: UnsafeRawBufferPointer) -> Set<UInt8> {
        var types: Set<UInt8> = []
        for segment in elements(bytes, 0..<bytes.count) where segment.id == segmentID {
            for tracks in elements(bytes, segment.content) where tracks.id == 0x1654_AE6B {
                for entry in elements(bytes, tracks.content) where entry.id == 0xAE {
                    for type in elements(bytes, entry.content) where type.id == 0x83 && !type.content.isEmpty {
                        types.insert(bytes[type.content.upperBound - 1])
                    }
                }
            }
        }
        return types
    }

    /// The elements directly inside a range. Of an element of unknown length, all that follows is the content.
    private static func elements(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> [Element] {
        var elements: [Element] = []
        var offset = range.lowerBound
        while elements.count < maxElements, let first = bytes.uint8(at: offset), first >= 0x10,
            offset < range.upperBound
        {
            let idLength = first.leadingZeroBitCount + 1
            let id = (0..<idLength).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes.uint8(at: offset + $1) ?? 0) }
            let sizeOffset = offset + idLength
            guard let sizeFirst = bytes.uint8(at: sizeOffset), sizeFirst > 0 else { break }
            let sizeLength = sizeFirst.leadingZeroBitCount + 1
            var size = UInt64(sizeFirst) & (1 << (8 - UInt64(sizeLength)) - 1)
            for index in 1..<max(1, sizeLength) { size = size << 8 | UInt64(bytes.uint8(at: sizeOffset + index) ?? 0) }
            let start = min(sizeOffset + sizeLength, range.upperBound)
            let isUnknown = size == 1 << (7 * UInt64(sizeLength)) - 1
            let end = isUnknown ? range.upperBound : start + min(Int(size), range.upperBound - start)
            elements.append(Element(id: id, content: start..<end, claimedLength: isUnknown ? nil : Int(size)))
            offset = end
        }
        return elements
    }
}

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

    /// Whether an EBML header stands there, and a segment behind it.
    static func begins(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        guard bytes.bigEndian(UInt32.self, at: offset) == 0x1A45_DFA3,
            let (_, length, start) = header(bytes, at: offset), let length, length <= 1_024
        else { return false }
        return bytes.bigEndian(UInt32.self, at: start + length) == segmentID
    }

    /// Whether any track is seen. In a file that is damaged before them, or streams with much before them, they are not.
    static func showsTracks(_ bytes: UnsafeRawBufferPointer) -> Bool { !trackTypes(bytes).isEmpty }

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

    enum Damage {
        /// The file ends amid an element.
        case cut
        /// Something else stands where an element is due.
        case stray
        case secondFile
    }

    /// Of elements before and between the pictures and sounds: tables of places and the like. FFmpeg keeps up to 60 bytes for one of 3.
    private static let maxHeaderElements = 1_000_000
    /// Each costs a decoder.
    private static let maxTracks = 256
    /// Of what a codec is told. That of FLAC may hold tags.
    private static let maxPrivateBytes = 128 << 10

    /// Throws `tooCostly`.
    static func checkCounts(_ bytes: UnsafeRawBufferPointer, _ name: String) throws(MediaError) {
        var (offset, elements, tags, tracks) = (0, 0, 0, 0)
        while offset < bytes.count {
            guard let (id, length, start) = header(bytes, at: offset) else {
                // FFmpeg looks for the next one behind what it cannot read, and so are those here.
                offset += 1
                continue
            }
            switch id {
            case 0xA3, 0xA0, 0xE7: break
            // Those that FFmpeg compares with all others: tags, chapters and attached files.
            case 0x67C8, 0xB6, 0x61A7: tags += 1
            case 0xAE: tracks += 1
            case 0x63A2 where length ?? .max > maxPrivateBytes:
                throw .tooCostly(
                    format: name, reason: "what it tells a decoder takes more than \(maxPrivateBytes) bytes")
            default: elements += 1
            }
            guard tracks <= maxTracks else {
                throw .tooCostly(format: name, reason: "it has more than \(maxTracks) tracks")
            }
            guard tags <= SoundTags.maxCount else { throw SoundTags.tooMany(name) }
            guard elements <= maxHeaderElements else {
                throw .tooCostly(
                    format: name, reason: "it has more than \(maxHeaderElements) elements beside pictures and sound")
            }
            offset = parents.contains(id) ? start : length.map { start + min($0, bytes.count - start) } ?? start
        }
    }

    /// Whose content is elements: a segment, clusters, tracks and the like, and what these consist of.
    private static let parents: Set<UInt32> = [
        segmentID, clusterID, 0x114D_9B74, 0x4DBB, 0x1654_AE6B, 0xAE, 0x1C53_BB6B, 0xBB, 0xB7, 0x1254_C367, 0x7373,
        0x63C0, 0x67C8,
        0x1043_A770, 0x45B9, 0xB6, 0x80, 0x8F, 0x1941_A469, 0x61A7, 0x6D80, 0x6240, 0x5034, 0x5035,
    ]

    /// What readers pass over without a word, found from the elements that follow each other: those of a segment and those of its clusters.
    static func damage(_ bytes: UnsafeRawBufferPointer) -> Damage? {
        var (offset, ends) = (0, [Int]())
        var hasSegment = false
        let tracks = trackNumbers(bytes)
        while offset < bytes.count {
            while let end = ends.last, offset >= end { ends.removeLast() }
            let isOutside = ends.isEmpty
            guard let (id, length, start) = header(bytes, at: offset) else {
                return isOutside && hasSegment ? nil : .stray
            }
            let end = length.map { $0 > bytes.count - start ? Int.max : start + $0 }
            switch id {
            case 0x1A45_DFA3:
                if offset > 0 { return .secondFile }
                offset = end ?? start
            case segmentID:
                // Without a length, to the end.
                ends = [end ?? .max]
                hasSegment = true
                offset = start
            case clusterID:
                ends = Array(ends.prefix(1))
                if let end { ends.append(end) }
                if end == .max { return .cut }
                offset = start
            case _ where topLevel.contains(id) || inCluster.contains(id):
                guard !isOutside || !hasSegment else { return nil }
                guard let end else { return .stray }
                if end > bytes.count { return .cut }
                if let parent = ends.last, end > parent { return .stray }
                if let track = track(of: id, bytes, start), !tracks.isEmpty, !tracks.contains(track) { return .stray }
                offset = end
            // Behind the segment may be anything.
            default: return isOutside && hasSegment ? nil : .stray
            }
        }
        return nil
    }

    /// The track that a block belongs to, where its number takes one byte; nil of other elements.
    private static func track(of id: UInt32, _ bytes: UnsafeRawBufferPointer, _ start: Int) -> UInt8? {
        switch id {
        case 0xA3: return bytes.uint8(at: start).map(shortNumber)
        case 0xA0:
            guard let (id, _, start) = header(bytes, at: start), id == 0xA1 else { return nil }
            return bytes.uint8(at: start).map(shortNumber)
        default: return nil
        }
    }

    /// 0, which no track has, for a number that takes more bytes.
    private static func shortNumber(_ byte: UInt8) -> UInt8 { byte >= 0x80 ? byte & 0x7F : 0 }

    private static let clusterID: UInt32 = 0x1F43_B675
    /// What is in a segment beside clusters, and filling and checksums, which are anywhere.
    private static let topLevel: Set<UInt32> = [
        0x114D_9B74, 0x1549_A966, 0x1654_AE6B, 0x1C53_BB6B, 0x1941_A469, 0x1043_A770, 0x1254_C367, 0xEC, 0xBF,
        0x1B53_8667,
    ]
    private static let inCluster: Set<UInt32> = [0xE7, 0xA3, 0xA0, 0xA7, 0xAB, 0x5854, 0xAF]

    /// Length nil where the writer could not know it. Nil where no element can be.
    private static func header(
        _ bytes: UnsafeRawBufferPointer, at offset: Int
    ) -> (id: UInt32, length: Int?, start: Int)? {
        guard let first = bytes.uint8(at: offset), first >= 0x10 else { return nil }
        let idLength = first.leadingZeroBitCount + 1
        let id = (0..<idLength).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes.uint8(at: offset + $1) ?? 0) }
        let sizeOffset = offset + idLength
        guard let sizeFirst = bytes.uint8(at: sizeOffset), sizeFirst > 0 else { return nil }
        let sizeLength = sizeFirst.leadingZeroBitCount + 1
        var size = UInt64(sizeFirst) & (1 << (8 - UInt64(sizeLength)) - 1)
        for index in 1..<max(1, sizeLength) { size = size << 8 | UInt64(bytes.uint8(at: sizeOffset + index) ?? 0) }
        let isUnknown = size == 1 << (7 * UInt64(sizeLength)) - 1
        return (id, isUnknown ? nil : Int(size), sizeOffset + sizeLength)
    }

    private static let segmentID: UInt32 = 0x1853_8067

    private static func trackTypes(_ bytes: UnsafeRawBufferPointer) -> Set<UInt8> { ofTracks(0x83, bytes) }

    /// Empty where one has a number that takes more than a byte.
    private static func trackNumbers(_ bytes: UnsafeRawBufferPointer) -> Set<UInt8> {
        let numbers = ofTracks(0xD7, bytes)
        return numbers.contains { $0 == 0 || $0 > 126 } ? [] : numbers
    }

    /// The last byte of an element that each track has.
    private static func ofTracks(_ wanted: UInt32, _ bytes: UnsafeRawBufferPointer) -> Set<UInt8> {
        var values: Set<UInt8> = []
        for segment in elements(bytes, 0..<bytes.count) where segment.id == segmentID {
            for tracks in elements(bytes, segment.content) where tracks.id == 0x1654_AE6B {
                for entry in elements(bytes, tracks.content) where entry.id == 0xAE {
                    for value in elements(bytes, entry.content) where value.id == wanted && !value.content.isEmpty {
                        values.insert(bytes[value.content.upperBound - 1])
                    }
                }
            }
        }
        return values
    }

    /// The elements directly inside a range. Of an element of unknown length, all that follows is the content.
    private static func elements(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> [Element] {
        var elements: [Element] = []
        var offset = range.lowerBound
        while elements.count < maxElements, offset < range.upperBound,
            let (id, length, contentStart) = header(bytes, at: offset)
        {
            let start = min(contentStart, range.upperBound)
            let end = length.map { start + min($0, range.upperBound - start) } ?? range.upperBound
            elements.append(Element(id: id, content: start..<end, claimedLength: length))
            offset = end
        }
        return elements
    }
}

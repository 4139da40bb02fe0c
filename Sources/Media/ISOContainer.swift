/// The box structure of MP4, QuickTime, HEIF and AVIF files: enough of it to tell them apart.
enum ISOContainer {
    /// What an ISO base media or QuickTime file holds; nil for any other file.
    static func sniff(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        guard bytes.has("ftyp", at: 4), !beginsAsText(bytes) else {
            return isQuickTime(bytes) ? byTracks(bytes, video: .mov) : nil
        }
        let brands = brands(bytes)
        if brands.contains("avif") || brands.contains("avis") { return .image(.avif) }
        if !brands.isDisjoint(with: ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"]) {
            return .image(.heic)
        }
        if bytes.has("M4A ", at: 8) || bytes.has("M4B ", at: 8) || bytes.has("M4P ", at: 8) { return .audio(.m4a) }
        return byTracks(bytes, video: bytes.has("qt  ", at: 8) ? .mov : .mp4)
    }

    /// QuickTime files older than the ftyp box begin with another one. Some of those types are words, and must lead to one that is not.
    private static func isQuickTime(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let sure: [StaticString] = ["moov", "mdat"]
        if sure.contains(where: { bytes.has($0, at: 4) }) { return true }
        let padding: [StaticString] = ["wide", "free", "skip", "junk", "pnot", "pict", "PICT", "udta", "uuid"]
        guard padding.contains(where: { bytes.has($0, at: 4) }), !beginsAsText(bytes) else { return false }
        return children(of: bytes).prefix(4_096).contains { box in sure.contains { bytes.has($0, at: box.typeOffset) } }
    }

    /// Whether the size of the first box is letters: as a number, half a gigabyte or more, which none of these boxes has. Sentences begin with
    /// "the wide ..", and notes on formats with "the ftyp ..".
    private static func beginsAsText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.prefix(4).allSatisfy { (0x20...0x7E).contains($0) || (9...13).contains($0) }
    }

    /// The main brand and the compatible ones. Real files have fewer than ten.
    private static func brands(_ bytes: UnsafeRawBufferPointer) -> Set<String> {
        let end = min(Int(bytes.bigEndian(UInt32.self, at: 0) ?? 0), bytes.count, 256)
        var brands: Set<String> = []
        for offset in stride(from: 8, to: max(8, end - 3), by: 4) where offset != 12 {
            brands.insert(String(decoding: bytes[offset..<offset + 4], as: UTF8.self))
        }
        return brands
    }

    /// Sound only where there are tracks and none of them is a picture.
    private static func byTracks(_ bytes: UnsafeRawBufferPointer, video: VideoFormat) -> MediaType {
        var hasSound = false
        var hasPictures = false
        for track in boxes("trak", in: boxes("moov", in: [bytes])) {
            for handler in boxes("hdlr", in: boxes("mdia", in: [track])) {
                hasSound = hasSound || handler.has("soun", at: 8)
                hasPictures = hasPictures || handler.has("vide", at: 8)
            }
        }
        return hasSound && !hasPictures ? .audio(.m4a) : .video(video)
    }

    /// Whether something else stands where a box is due, or the last one is cut. Some programs fill files up with zeros.
    static func isBroken(_ parent: UnsafeRawBufferPointer, mayEndInZeros: Bool) -> Bool {
        var boxes = children(of: parent)
        while let box = boxes.next() {
            let isNamed = parent[box.typeOffset..<box.typeOffset + 4].allSatisfy {
                (0x20..<0x7F).contains($0) || $0 == 0xA9
            }
            let isFilling = mayEndInZeros && box.content.allSatisfy { $0 == 0 }
            if !isNamed && !isFilling || box.claimed > box.content.count { return true }
        }
        // Less than a box's header.
        return parent[min(boxes.offset, parent.count)...].contains { $0 != 0 }
    }

    struct Box {
        /// Where its four-letter type stands in the parent.
        var typeOffset: Int
        /// Cut at the end of the parent.
        var content: UnsafeRawBufferPointer
        /// Bytes of content that its header claims.
        var claimed: Int
    }

    /// The boxes directly inside `parent`, one after the other: none is stored, because there may be one every eight bytes.
    static func children(of parent: UnsafeRawBufferPointer) -> Boxes { Boxes(parent: parent) }

    struct Boxes: Sequence, IteratorProtocol {
        let parent: UnsafeRawBufferPointer
        private(set) var offset = 0

        init(parent: UnsafeRawBufferPointer) { self.parent = parent }

        mutating func next() -> Box? {
            guard offset + 8 <= parent.count, let size = parent.bigEndian(UInt32.self, at: offset) else { return nil }
            var header = 8
            var length = Int(size)
            if size == 1 {
                guard let wide = parent.bigEndian(UInt64.self, at: offset + 8) else { return nil }
                header = 16
                length = Int(clamping: wide)
            } else if size == 0 {
                length = parent.count - offset
            }
            guard length >= header else { return nil }
            let start = offset
            offset += Swift.min(length, parent.count - offset)
            let content = parent.slice(Swift.min(start + header, offset)..<offset)
            return Box(typeOffset: start + 4, content: content, claimed: length - header)
        }
    }

    /// The contents of the first boxes of one type directly inside `parents`: more of them than a film has.
    static func boxes(_ type: StaticString, in parents: [UnsafeRawBufferPointer]) -> [UnsafeRawBufferPointer] {
        parents.flatMap { parent in
            children(of: parent).lazy.filter { parent.has(type, at: $0.typeOffset) }.prefix(1_000).map(\.content)
        }
    }
}

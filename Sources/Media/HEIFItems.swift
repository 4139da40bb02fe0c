/// What the items of a HEIC or AVIF file are made of. A grid names its tiles, an overlay its layers, a picture its transparency, and each may be
/// named again and again, and be made of others: libheif decodes it every time, and follows a circle until its stack ends.
enum HEIFItems {
    /// Decoded for one picture: four times what a phone cuts its largest into.
    private static let maxDecoded = 2_048
    /// A grid in an overlay that is turned, with transparency, and some more.
    private static let maxDepth = 8
    /// Names in all lists.
    private static let maxReferences = 16_384

    /// Throws `tooCostly` and `damaged`.
    static func check(_ bytes: UnsafeRawBufferPointer, _ format: ImageFormat) throws(MediaError) {
        var parts: [UInt32: [UInt32]] = [:]
        var count = 0
        // Whichever of several counts.
        for meta in ISOContainer.children(of: bytes) where bytes.has("meta", at: meta.typeOffset) {
            let boxes = behindVersion(meta.content)
            for list in ISOContainer.children(of: boxes) where boxes.has("iref", at: list.typeOffset) {
                try read(list.content, format, &parts, &count)
            }
        }
        var known: [UInt32: Work] = [:]
        for item in parts.keys.sorted() {
            let work = try work(item, parts, &known, depth: 0, format)
            guard work.pictures <= maxDecoded else {
                throw .tooCostly(format: format.rawValue, reason: "it is made of more than \(maxDecoded) pictures")
            }
        }
    }

    /// For one item.
    private struct Work {
        /// That are decoded, itself among them.
        var pictures = 1
        /// Within each other.
        var depth = 1
    }

    private static func read(
        _ list: UnsafeRawBufferPointer, _ format: ImageFormat, _ parts: inout [UInt32: [UInt32]], _ count: inout Int
    ) throws(MediaError) {
        let idSize = list.uint8(at: 0) == 0 ? 2 : 4
        let boxes = behindVersion(list)
        for box in ISOContainer.children(of: boxes) {
            let (isMadeOf, isPartOf) = (boxes.has("dimg", at: box.typeOffset), boxes.has("auxl", at: box.typeOffset))
            guard isMadeOf || isPartOf else { continue }
            func id(_ index: Int) -> UInt32? {
                // Behind the first stands the number of those that follow.
                let offset = index == 0 ? 0 : 2 + index * idSize
                return idSize == 2
                    ? box.content.bigEndian(UInt16.self, at: offset).map(UInt32.init)
                    : box.content.bigEndian(UInt32.self, at: offset)
            }
            guard let from = id(0), let claimed = box.content.bigEndian(UInt16.self, at: idSize) else { continue }
            for index in 0..<Int(claimed) {
                guard let to = id(index + 1) else { break }
                count += 1
                guard count <= maxReferences else {
                    throw .tooCostly(
                        format: format.rawValue, reason: "its items name more than \(maxReferences) others")
                }
                if isMadeOf { parts[from, default: []].append(to) } else { parts[to, default: []].append(from) }
            }
        }
    }

    private static func behindVersion(_ box: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        box.slice(min(4, box.count)..<box.count)
    }

    private static func work(
        _ item: UInt32, _ parts: [UInt32: [UInt32]], _ known: inout [UInt32: Work], depth: Int, _ format: ImageFormat
    ) throws(MediaError) -> Work {
        if let work = known[item] { return work }
        var work = Work()
        for part in parts[item] ?? [] {
            guard depth < maxDepth else { throw tooDeep(format) }
            let more = try self.work(part, parts, &known, depth: depth + 1, format)
            // Beyond the bound, how far does not matter.
            work.pictures = min(maxDecoded + 1, work.pictures + more.pictures)
            work.depth = max(work.depth, more.depth + 1)
            guard work.depth <= maxDepth else { throw tooDeep(format) }
        }
        known[item] = work
        return work
    }

    /// In a circle, or nearly.
    private static func tooDeep(_ format: ImageFormat) -> MediaError {
        .damaged(format: format.rawValue, reason: "its pictures are made of each other, more than \(maxDepth) deep")
    }
}

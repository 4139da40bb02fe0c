import Media

/// Boxes of MP4 files, taken apart and put together with other contents.
enum Boxes {
    static func list(_ bytes: [UInt8]) -> [(name: String, content: [UInt8])] {
        var (boxes, offset) = ([(name: String, content: [UInt8])](), 0)
        while offset + 8 <= bytes.count {
            let length = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
            let end = length == 0 ? bytes.count : offset + length
            let name = String(decoding: bytes[offset + 4..<offset + 8], as: UTF8.self)
            boxes.append((name, Array(bytes[offset + 8..<end])))
            offset = end
        }
        return boxes
    }

    /// The first box at the end of a path of names gets another content.
    static func replacing(_ path: [String], in bytes: [UInt8], with content: ([UInt8]) throws -> [UInt8]) rethrows
        -> [UInt8]
    {
        guard let name = path.first else { return try content(bytes) }
        var isDone = false
        return try list(bytes).flatMap { box in
            guard box.name == name, !isDone else { return Builder.box(box.name, box.content) }
            isDone = true
            return Builder.box(name, try replacing(Array(path.dropFirst()), in: box.content, with: content))
        }
    }

    static func contents(_ path: [String], in bytes: [UInt8]) -> [UInt8] {
        path.reduce(bytes) { bytes, name in list(bytes).first { $0.name == name }?.content ?? [] }
    }

    static func without(_ name: String, in bytes: [UInt8]) -> [UInt8] {
        list(bytes).filter { $0.name != name }.flatMap { Builder.box($0.name, $0.content) }
    }

    /// What QuickTime puts into a movie box in the place of its tables: zlib.
    static func compressed(_ movie: [UInt8]) -> [UInt8] {
        let data = Builder.box("cmvd", bigEndian(UInt32(movie.count)) + Builder.zlib(movie))
        return Builder.box("cmov", Builder.box("dcom", Array("zlib".utf8)) + data)
    }
}

extension Builder {
    /// Lossless WebP of nothing: a signature, and 14 bits of each side less one.
    static func webp(width: UInt32, height: UInt32) -> [UInt8] {
        let data = [0x2F] + littleEndian((width - 1) | (height - 1) << 14) + [UInt8](repeating: 0, count: 40)
        let chunk = Array("VP8L".utf8) + littleEndian(UInt32(data.count)) + data + (data.count % 2 == 1 ? [0] : [])
        return Array("RIFF".utf8) + littleEndian(UInt32(chunk.count + 4)) + Array("WEBP".utf8) + chunk
    }
}

/// Films and pictures that are mostly claims.
enum Film {
    /// A Matroska file of a video track of 64 x 48 pixels, with blocks at these milliseconds.
    static func matroska(video codec: String, frames: [(time: UInt64, bytes: [UInt8])], more: [UInt8] = []) -> [UInt8] {
        let clusters = frames.flatMap { cluster($0.time, [block(1, 0, $0.bytes)]) }
        return file(tracks: track(1, video: codec), clusters + more)
    }

    private static func file(tracks: [UInt8], _ rest: [UInt8]) -> [UInt8] {
        let header = Builder.element(
            0x1A45_DFA3, Builder.element(0x4282, Array("webm".utf8)) + Builder.element(0x4287, [4]))
        let info = Builder.element(0x1549_A966, Builder.element(0x2AD7B1, bigEndian(UInt32(1_000_000))))
        return header + Builder.element(0x1853_8067, info + Builder.element(0x1654_AE6B, tracks) + rest)
    }

    private static func track(_ number: UInt8, video codec: String) -> [UInt8] {
        let size = Builder.element(0xE0, Builder.element(0xB0, [64]) + Builder.element(0xBA, [48]))
        return Builder.element(
            0xAE,
            Builder.element(0xD7, [number]) + Builder.element(0x73C5, [number]) + Builder.element(0x83, [1])
                + Builder.element(0x86, Array(codec.utf8)) + size)
    }

    private static func cluster(_ time: UInt64, _ blocks: [[UInt8]]) -> [UInt8] {
        Builder.element(0x1F43_B675, Builder.element(0xE7, bigEndian(time)) + blocks.flatMap { $0 })
    }

    /// `time` in milliseconds of the cluster's.
    private static func block(_ track: UInt8, _ time: UInt16, _ bytes: [UInt8]) -> [UInt8] {
        Builder.element(0xA3, [0x80 | track] + bigEndian(time) + [0x80] + bytes)
    }

    /// Of a frame of the silence below.
    static let silenceSeconds = 65_535.0 / 48_000
    /// What the samples of a numbered frame are.
    static func level(_ frame: Int) -> Float { Float(frame % 100 * 100) / 32_768 }

    /// A frame of MPEG-4's beginning and end, and FLAC of as many frames of one value between.
    ///
    /// - Parameters:
    ///   - isNumbered: the value tells the frame
    ///   - isTimeless: all blocks of sound say that they begin at the beginning
    static func withSilence(frames: Int, isNumbered: Bool = false, isTimeless: Bool = false) throws -> [UInt8] {
        let picture = try firstPicture()
        // Blocks of 65,535 samples, 48 kHz, one channel of 16 bits.
        let rate = UInt64(48_000) << 44 | UInt64(15) << 36
        let info =
            bigEndian(UInt16(65_535)) + bigEndian(UInt16(65_535)) + [UInt8](repeating: 0, count: 6) + bigEndian(rate)
        let setup = Array("fLaC".utf8) + [0x80, 0, 0, 34] + info + [UInt8](repeating: 0, count: 16)
        let audio = Builder.element(
            0xE1, Builder.element(0xB5, bigEndian(Float(48_000).bitPattern)) + Builder.element(0x9F, [1]))
        let sound = Builder.element(
            0xAE,
            Builder.element(0xD7, [2]) + Builder.element(0x73C5, [2]) + Builder.element(0x83, [2])
                + Builder.element(0x86, Array("A_FLAC".utf8)) + Builder.element(0x63A2, setup) + audio)
        var rest = cluster(0, [block(1, 0, picture)])
        for start in stride(from: 0, to: frames, by: 20) {
            let base = UInt64(Double(start) * silenceSeconds * 1_000)
            let blocks = (start..<min(start + 20, frames)).map { index in
                let time = UInt64(Double(index) * silenceSeconds * 1_000) - base
                let value = isNumbered ? Int16(index % 100 * 100) : 0
                return block(2, isTimeless ? 0 : UInt16(time), constantFLAC(UInt32(index), value))
            }
            rest += cluster(isTimeless ? 0 : base, blocks)
        }
        rest += cluster(UInt64(Double(frames) * silenceSeconds * 1_000), [block(1, 0, picture)])
        return file(tracks: track(1, video: "V_MPEG2") + sound, rest)
    }

    /// Of a film of MPEG-1 or 2: from the header of the sequence to the second picture.
    private static func firstPicture() throws -> [UInt8] {
        let bytes = try Fixture.bytes("mpeg2.mpg")
        // The payload of the packets of the video stream.
        var (stream, offset) = ([UInt8](), 0)
        while offset + 9 < bytes.count {
            guard bytes[offset..<offset + 3].elementsEqual([0, 0, 1]) else {
                offset += 1
                continue
            }
            guard bytes[offset + 3] == 0xE0 else {
                offset += 4
                continue
            }
            let length = Int(bytes[offset + 4]) << 8 | Int(bytes[offset + 5])
            stream += bytes[offset + 9 + Int(bytes[offset + 8])..<offset + 6 + length]
            offset += 6 + length
        }
        let pictures = stream.indices.dropLast(4).filter { stream[$0..<$0 + 4].elementsEqual([0, 0, 1, 0]) }
        guard pictures.count > 1 else { throw Fixture.Missing(name: "two pictures") }
        return Array(stream[..<pictures[1]])
    }

    private static func constantFLAC(_ number: UInt32, _ value: Int16) -> [UInt8] {
        // 16 bits of block size follow; the rest is as the stream has it.
        var frame: [UInt8] = [0xFF, 0xF8, 0x70, 0x00] + utf8(number) + bigEndian(UInt16(65_534))
        frame.append(UInt8(truncatingIfNeeded: crc(frame, bits: 8, polynomial: 0x07)))
        frame += [0x00] + bigEndian(value)
        return frame + bigEndian(crc(frame, bits: 16, polynomial: 0x8005))
    }

    private static func utf8(_ number: UInt32) -> [UInt8] {
        if number < 0x80 { return [UInt8(number)] }
        if number < 0x800 { return [0xC0 | UInt8(number >> 6), 0x80 | UInt8(number & 63)] }
        if number < 0x1_0000 {
            return [0xE0 | UInt8(number >> 12), 0x80 | UInt8(number >> 6 & 63), 0x80 | UInt8(number & 63)]
        }
        return [
            0xF0 | UInt8(number >> 18), 0x80 | UInt8(number >> 12 & 63), 0x80 | UInt8(number >> 6 & 63),
            0x80 | UInt8(number & 63),
        ]
    }

    private static func crc(_ bytes: [UInt8], bits: UInt32, polynomial: UInt32) -> UInt16 {
        var sum: UInt32 = 0
        for byte in bytes {
            sum ^= UInt32(byte) << (bits - 8)
            for _ in 0..<8 { sum = sum << 1 ^ (sum >> (bits - 1) & 1 == 1 ? polynomial : 0) }
        }
        return UInt16(truncatingIfNeeded: sum & (1 << bits - 1))
    }

    /// A progressive JPEG of 16,000 x 6,000 pixels: a scan of equal blocks, and more that say that nothing is in them.
    static func manyScans(_ count: Int) -> [UInt8] {
        func segment(_ marker: UInt8, _ content: [UInt8]) -> [UInt8] {
            [0xFF, marker] + bigEndian(UInt16(content.count + 2)) + content
        }
        let blocks = 2_000 * 750
        let frame = [8] + bigEndian(UInt16(6_000)) + bigEndian(UInt16(16_000)) + [1, 1, 0x11, 0]
        // One code of one bit each: no difference, and a run of 2^14 blocks and more without anything.
        let lengths: [UInt8] = [1] + [UInt8](repeating: 0, count: 15)
        let start =
            [0xFF, 0xD8] + segment(0xDB, [0] + [UInt8](repeating: 1, count: 64)) + segment(0xC2, frame)
            + segment(0xC4, [0x00] + lengths + [0x00] + [0x10] + lengths + [0xE0])
        let first = segment(0xDA, [1, 1, 0x00, 0, 0, 0]) + [UInt8](repeating: 0, count: blocks / 8)
        // Each code is a zero and 14 bits of how many more than 2^14: as many as go in, and what is left at the end is not read.
        var bits: [UInt8] = []
        var (accumulator, held, left) = (UInt64(0), UInt64(0), blocks)
        while left > 0 {
            let run = max(1 << 14, min(left, (1 << 15) - 1))
            accumulator = accumulator << 15 | UInt64(run - 1 << 0 & 0x3FFF)
            held += 15
            left -= run
            while held >= 8 {
                held -= 8
                let byte = UInt8(truncatingIfNeeded: accumulator >> held)
                bits += byte == 0xFF ? [0xFF, 0] : [byte]
            }
        }
        bits += [UInt8](repeating: 0, count: 4)
        let scan = segment(0xDA, [1, 1, 0x00, 1, 63, 0]) + bits
        return start + first + [[UInt8]](repeating: scan, count: count).flatMap { $0 } + [0xFF, 0xD9]
    }
}

/// Sound files put together from the packets of others, as programs and recorders write them.
extension Builder {
    /// Packets of an Ogg file of one stream, its headers first.
    static func oggPackets(_ file: [UInt8]) -> [[UInt8]] {
        var (packets, packet, offset) = ([[UInt8]](), [UInt8](), 0)
        while offset + 27 <= file.count {
            let lacing = file[offset + 27..<offset + 27 + Int(file[offset + 26])]
            var content = lacing.endIndex
            for size in lacing {
                packet += file[content..<content + Int(size)]
                content += Int(size)
                if size < 255 {
                    packets.append(packet)
                    packet = []
                }
            }
            offset = content
        }
        return packets
    }

    /// An EBML element; `size` nil writes the length that means unknown.
    static func element(_ id: UInt32, _ content: [UInt8], isOpen: Bool = false) -> [UInt8] {
        let name = Array(bigEndian(id).drop { $0 == 0 })
        return name
            + (isOpen ? [0x01] + [UInt8](repeating: 0xFF, count: 7) : bigEndian(UInt64(content.count) | 1 << 56))
            + content
    }

    /// What a browser's recorder makes of a microphone: Opus of 20 ms a packet, lengths unknown unless `seconds` are given.
    static func webm(
        opus file: [UInt8], docType: String = "webm", seconds: Double? = nil, withPictures: Bool = false
    ) -> [UInt8] {
        let packets = oggPackets(file)
        let header = element(0x1A45_DFA3, element(0x4282, Array(docType.utf8)) + element(0x4287, [4]))
        var info = element(0x2AD7B1, bigEndian(UInt32(1_000_000)))
        if let seconds { info += element(0x4489, bigEndian((seconds * 1_000).bitPattern)) }
        let audio = element(0xE1, element(0xB5, bigEndian(Float(48_000).bitPattern)) + element(0x9F, [1]))
        var tracks = element(
            0xAE,
            element(0xD7, [1]) + element(0x73C5, [1]) + element(0x83, [2]) + element(0x86, Array("A_OPUS".utf8))
                + element(0x63A2, packets[0]) + audio)
        if withPictures {
            let video = element(0xE0, element(0xB0, [64]) + element(0xBA, [48]))
            tracks += element(
                0xAE,
                element(0xD7, [2]) + element(0x73C5, [2]) + element(0x83, [1]) + element(0x86, Array("V_VP8".utf8))
                    + video)
        }
        var cluster = element(0xE7, [0])
        for (index, packet) in packets.dropFirst(2).enumerated() {
            cluster += element(0xA3, [0x81] + bigEndian(UInt16(20 * index)) + [0x80] + packet)
        }
        let segment = element(0x1549_A966, info) + element(0x1654_AE6B, tracks) + element(0x1F43_B675, cluster)
        return header + element(0x1853_8067, segment, isOpen: seconds == nil)
    }

    /// MPEG layer III in a WAV file.
    static func wave(mp3 frames: [UInt8], rate: UInt32, channels: UInt16) -> [UInt8] {
        let extra = littleEndian(UInt16(1)) + littleEndian(UInt32(2)) + littleEndian(UInt16(208)) + [1, 0, 0, 0]
        let format =
            littleEndian(UInt16(0x55)) + littleEndian(channels) + littleEndian(rate) + littleEndian(UInt32(8_000))
            + littleEndian(UInt16(1)) + littleEndian(UInt16(0)) + littleEndian(UInt16(12)) + extra
        let body =
            Array("WAVEfmt ".utf8) + littleEndian(UInt32(format.count)) + format + Array("data".utf8)
            + littleEndian(UInt32(frames.count)) + frames
        return Array("RIFF".utf8) + littleEndian(UInt32(body.count)) + body
    }

    /// An ID3v2 tag of so many zeros, one of ID3v1, and one of APE of no fields.
    static func id3(_ count: UInt8) -> [UInt8] {
        Array("ID3".utf8) + [4, 0, 0, 0, 0, 0, count] + [UInt8](repeating: 0, count: Int(count))
    }
    static let id3v1 = Array("TAG".utf8) + [UInt8](repeating: 0x20, count: 125)
    static let ape =
        Array("APETAGEX".utf8) + littleEndian(UInt32(2_000)) + littleEndian(UInt32(32))
        + [UInt8](repeating: 0, count: 16)
}

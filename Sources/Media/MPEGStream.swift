/// MPEG program and transport streams: where they begin. Recorders and receivers leave other bytes before them.
enum MPEGStream {
    enum Kind {
        case program, transport
    }

    /// What a pack of a program stream begins with.
    static let packMark: UInt32 = 0x0000_01BA

    /// As far as junk may reach, as for MPEG sound.
    private static let maxJunk = 64 << 10
    private static let packetSizes = [188, 192, 204]

    /// Packets that begin with G: of 188 bytes, 4 more in front of each (discs, cameras) or 16 more behind (broadcast). A recording may
    /// begin amid one.
    static func isTransportStream(_ bytes: UnsafeRawBufferPointer) -> Bool {
        packetSizes.contains { size in (0..<size).contains { hasPackets(bytes, at: $0, size, 5) } }
    }

    /// A stream that begins behind something else, or with a packet or two that are damaged: by eight packets in a row, or by a pack
    /// and what follows it.
    static func find(in bytes: UnsafeRawBufferPointer) -> Kind? {
        for offset in 0..<max(0, min(bytes.count - 32, maxJunk)) {
            if bytes[offset] == 0x47, packetSizes.contains(where: { hasPackets(bytes, at: offset, $0, 8) }) {
                return .transport
            }
            if bytes[offset] == 0, isPack(bytes, at: offset) { return .program }
        }
        return nil
    }

    /// Whether a transport stream's last packet is cut: some of its last picture is missing.
    static func endsAmidPacket(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard isTransportStream(bytes) else { return false }
        return packetSizes.contains { size in
            let last = (1...size).first { tail in hasPackets(bytes, at: bytes.count - tail - 4 * size, size, 5) }
            // Of the longer packets, the last one is whole without what is behind it.
            return last.map { $0 < packetSizes[0] } ?? false
        }
    }

    private static func hasPackets(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ size: Int, _ count: Int) -> Bool {
        (0..<count).allSatisfy { bytes.uint8(at: offset + $0 * size) == 0x47 }
    }

    private static func isPack(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        guard bytes.bigEndian(UInt32.self, at: offset) == packMark, let kind = bytes.uint8(at: offset + 4) else {
            return false
        }
        // MPEG-1 and MPEG-2, which may fill up the header.
        let length: Int? =
            kind & 0xF0 == 0x20 ? 12 : kind & 0xC0 == 0x40 ? bytes.uint8(at: offset + 13).map { 14 + Int($0 & 7) } : nil
        guard let length, let next = bytes.bigEndian(UInt32.self, at: offset + length) else { return false }
        return next >> 8 == 1 && next & 0xFF >= 0xB9
    }
}

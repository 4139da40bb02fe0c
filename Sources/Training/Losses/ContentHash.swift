import CastorNumerics
package import Encoder

/// 128 bits that tell contents apart. Equal contents, as the encoder sees them, have equal hashes.
package struct ContentHash: Hashable, Sendable {
    let first: UInt64
    let second: UInt64
}

extension EncoderInput {
    package var contentHash: ContentHash {
        var hasher = TwoLaneHasher()
        for segment in segments {
            hasher.add(UInt64(segment.modality.rawValue))
            hasher.add(UInt64(segment.tokenCount))
            for id in segment.ids ?? [] { hasher.add(UInt64(truncatingIfNeeded: id)) }
            switch segment {
            case .text, .pageText, .audio: break
            case .image(_, let grid): hasher.add(UInt64(grid.columns))
            case .page(let picture): hasher.add(UInt64(picture.grid.columns))
            case .picture(let picture): hasher.add(UInt64(picture.columns))
            case .sound(let sound): hasher.add(UInt64(sound.firstToken))
            case .video(let frames, let times):
                hasher.add(UInt64(frames.grid.columns))
                for time in times { hasher.add(time.bitPattern) }
            }
            guard let patches = segment.patches else { continue }
            for index in 0..<patches.count { hasher.add(UInt64(patches.pointer[index].bitPattern)) }
        }
        return ContentHash(first: hasher.first, second: hasher.second)
    }
}

/// Two multiply-and-shift lanes with different constants: enough against accidents, not against an attacker.
private struct TwoLaneHasher {
    var first: UInt64 = 0x9e37_79b9_7f4a_7c15
    var second: UInt64 = 0xc2b2_ae3d_27d4_eb4f

    @inline(__always)
    mutating func add(_ value: UInt64) {
        first = (first ^ value) &* 0xff51_afd7_ed55_8ccd
        first ^= first >> 32
        second = (second ^ value) &* 0xc4ce_b9fe_1a85_ec53
        second ^= second >> 29
    }
}

import CastorNumerics
package import Encoder
package import Media

extension FrontEndCache {
    /// The segments of a video or a document as f16 gives them back, found or made.
    package func segments(
        _ hash: ByteHash, _ make: () throws(MediaError) -> [EncoderInput.Segment]
    ) throws(MediaError) -> [EncoderInput.Segment] {
        if let (_, payload) = find(.segments, hash), let segments = SegmentCoding.decode(payload) { return segments }
        let segments = try make().map { $0.roundedToHalf() }
        SegmentCoding.encode(segments).withUnsafeBytes { store(.segments, hash, shape: [segments.count, 0, 0, 0], $0) }
        return segments
    }
}

/// Segments as bytes: for each six Int32 (kind, rows, columns, rows and columns of the grid, pooled side), then times as f64,
/// ids as Int32, or patches as f16. The cache's checksum has been tested when they are read.
enum SegmentCoding {
    private enum Tag: Int32 {
        case pageText, page, video, audio
    }

    static func encode(_ segments: [EncoderInput.Segment]) -> [UInt8] {
        var bytes: [UInt8] = []
        func append<T>(_ values: [T]) {
            values.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        func header(_ tag: Tag, _ rows: Int, _ columns: Int = 0, _ pooled: PooledPictures? = nil) {
            append([
                tag.rawValue, Int32(rows), Int32(columns), Int32(pooled?.grid.rows ?? 0),
                Int32(pooled?.grid.columns ?? 0), Int32(pooled?.pooledSide ?? 0),
            ])
        }
        for segment in segments {
            switch segment {
            case .pageText(let ids):
                header(.pageText, ids.count)
                append(ids)
            case .page(let page):
                header(.page, page.patches.rows, page.patches.columns, page)
                append(page.patches.halves)
            case .video(let frames, let times):
                header(.video, frames.patches.rows, frames.patches.columns, frames)
                append(times)
                append(frames.patches.halves)
            case .audio(let patches):
                header(.audio, patches.rows, patches.columns)
                append(patches.halves)
            case .text, .image: preconditionFailure("texts and images have entries of their own")
            case .picture, .sound: preconditionFailure("training prepares for castor-1")
            }
        }
        return bytes
    }

    /// nil for bytes of another form.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> [EncoderInput.Segment]? {
        var reader = Reader(bytes: bytes)
        var segments: [EncoderInput.Segment] = []
        while !reader.isAtEnd {
            guard let header = reader.values(Int32.self, 6), let tag = Tag(rawValue: header[0]) else { return nil }
            let (rows, columns) = (Int(header[1]), Int(header[2]))
            let grid = (rows: Int(header[3]), columns: Int(header[4]), pooledSide: Int(header[5]))
            func pooled(_ patches: Matrix) -> PooledPictures {
                PooledPictures(
                    patches: patches,
                    grid: ImageGrid(width: grid.columns, height: grid.rows, maxPatches: grid.rows * grid.columns),
                    pooledSide: grid.pooledSide)
            }
            switch tag {
            case .pageText:
                guard let ids = reader.values(Int32.self, rows) else { return nil }
                segments.append(.pageText(ids))
            case .page:
                guard let patches = reader.matrix(rows, columns) else { return nil }
                segments.append(.page(pooled(patches)))
            case .video:
                guard let times = reader.values(Double.self, rows / max(1, grid.rows * grid.columns)),
                    let patches = reader.matrix(rows, columns)
                else { return nil }
                segments.append(.video(frames: pooled(patches), times: times))
            case .audio:
                guard let patches = reader.matrix(rows, columns) else { return nil }
                segments.append(.audio(patches: patches))
            }
        }
        return segments
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        private var offset = 0

        init(bytes: UnsafeRawBufferPointer) {
            self.bytes = bytes
        }

        var isAtEnd: Bool { offset >= bytes.count }

        private mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
            guard count >= 0, count <= bytes.count - offset else { return nil }
            defer { offset += count }
            return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
        }

        mutating func values<T: BitwiseCopyable>(_ type: T.Type, _ count: Int) -> [T]? {
            take(count * MemoryLayout<T>.stride).map { part in
                (0..<count).map { part.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: type) }
            }
        }

        mutating func matrix(_ rows: Int, _ columns: Int) -> Matrix? {
            guard let halves = values(UInt16.self, rows * columns) else { return nil }
            let matrix = Matrix(rows: rows, columns: columns)
            halves.withUnsafeBytes { bytes in
                if let start = bytes.baseAddress { convertHalf(start, into: matrix.pointer, count: matrix.count) }
            }
            return matrix
        }
    }
}

package import Castor
import CastorNumerics
package import Encoder
import Glibc
package import Media
import Synchronization

/// What decoding gave for a data set's media, in one file that grows in the first epoch and is mapped afterwards.
///
/// Entries are found by a hash of the file's bytes, so that a changed picture is decoded again; the file's name holds the
/// front-ends' ``FrontEndIdentity``. Every entry has a checksum, tested when it is first read. What is cut short or
/// damaged is decoded and written again. The file never grows beyond `maxBytes`: what does not fit is decoded every time.
///
/// Patches are kept as f16; pixels and samples, which augmentation starts from, as they are. A second process that opens
/// the same file gets no cache rather than a shared one.
package final class FrontEndCache: @unchecked Sendable {
    package struct Options: Sendable, Equatable {
        /// Folder of the cache files; it is made where it is missing.
        package var folder: String
        /// Largest file. The default is 4 GiB.
        package var maxBytes = 4 << 30

        package init(folder: String) {
            self.folder = folder
        }
    }

    package struct Counts: Sendable, Equatable {
        package var entries = 0
        package var bytes = 0
        package var hits = 0
        package var misses = 0
        /// Entries whose checksum was wrong, and file ends that were cut off.
        package var damaged = 0
        /// Why nothing more is written, where that is so.
        package var closed: String?
    }

    package let path: String
    private let maxBytes: Int
    /// Entries are written once, before the index, which is locked, tells of them: unchecked, and safe.
    private let map: UnsafeRawPointer?
    private let descriptor: Int32
    private let state = Mutex(State())

    private struct State {
        var index: [Key: Place] = [:]
        var end = 0
        var counts = Counts()
    }

    private struct Key: Hashable {
        var kind: Kind
        var hash: ByteHash
    }

    private struct Place {
        var offset: Int
        var isChecked: Bool
    }

    enum Kind: UInt32 {
        case imagePatches = 1, soundPatches, picture, samples
        /// Several segments of a video or a document.
        case segments
    }

    /// Before each payload; 64 bytes, little-endian as the machine.
    private struct Header {
        var magic: UInt32
        var kind: UInt32
        var hash: (UInt64, UInt64)
        var shape: (Int32, Int32, Int32, Int32)
        var byteCount: UInt64
        var checksum: UInt64
        /// Of all fields before.
        var headerChecksum: UInt64

        static let size = 64
    }

    private static let magic: UInt32 = 0x4361_7374

    private static func path(_ dataSet: String, _ identity: FrontEndIdentity, _ options: Options) -> String {
        let name = String(dataSet.map { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." ? $0 : "_" })
        return "\(options.folder)/\(name)-\(identity.name).cache"
    }

    /// Opens or makes the file for a data set and for front-ends.
    package init(dataSet: String, identity: FrontEndIdentity, options: Options) throws(DataError) {
        try Self.makeFolder(options.folder)
        path = Self.path(dataSet, identity, options)
        maxBytes = options.maxBytes
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            map = nil
            state.withLock { $0.counts.closed = "another process uses \(path)" }
            return
        }
        // All that the file may become; only what is written is ever touched.
        let start = mmap(nil, max(maxBytes, 1), PROT_READ, MAP_SHARED | MAP_NORESERVE, descriptor, 0)
        guard let start, start != MAP_FAILED else {
            map = nil
            state.withLock { $0.counts.closed = "\(path) cannot be mapped: \(String(cString: strerror(errno)))" }
            return
        }
        map = UnsafeRawPointer(start)
        state.withLock { readIndex(&$0) }
    }

    deinit {
        if let map { munmap(UnsafeMutableRawPointer(mutating: map), max(maxBytes, 1)) }
        close(descriptor)
    }

    package var counts: Counts {
        state.withLock {
            var counts = $0.counts
            (counts.entries, counts.bytes) = ($0.index.count, $0.end)
            return counts
        }
    }

    private static func makeFolder(_ path: String) throws(DataError) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            made += made.isEmpty && !path.hasPrefix("/") ? part : "/\(part)"
            if !part.isEmpty, mkdir(made, 0o755) != 0, errno != EEXIST {
                throw .unreadable(path: path, reason: "cannot be made: \(String(cString: strerror(errno)))")
            }
        }
    }

    // MARK: - The file

    /// Walks over the entries, and cuts off what is not one.
    private func readIndex(_ state: inout State) {
        var status = stat()
        guard let map, fstat(descriptor, &status) == 0 else { return }
        let size = min(Int(status.st_size), maxBytes)
        var offset = 0
        while offset + Header.size <= size {
            let header = (map + offset).load(as: Header.self)
            guard header.magic == Self.magic, header.headerChecksum == Self.checksum(header),
                let kind = Kind(rawValue: header.kind),
                header.byteCount <= UInt64(size - offset - Header.size)
            else { break }
            let hash = ByteHash(first: header.hash.0, second: header.hash.1)
            state.index[Key(kind: kind, hash: hash)] = Place(offset: offset, isChecked: false)
            offset += Self.stride(Int(header.byteCount))
        }
        // Behind the padding of the last entry, also where that is missing.
        state.end = offset
        // What is beyond a limit that was larger once is no damage.
        if Int(status.st_size) > offset {
            state.counts.damaged += size == Int(status.st_size) ? 1 : 0
            ftruncate(descriptor, offset)
        }
    }

    private static func stride(_ byteCount: Int) -> Int { (Header.size + byteCount + 63) & ~63 }

    private static func checksum(_ header: Header) -> UInt64 {
        var header = header
        return withUnsafeBytes(of: &header) { bytes in
            var hash = ByteHash()
            hash.add(UnsafeRawBufferPointer(rebasing: bytes[0..<MemoryLayout<Header>.offset(of: \.headerChecksum)!]))
            return hash.value
        }
    }

    /// Shape and payload of an entry.
    func find(_ kind: Kind, _ hash: ByteHash) -> (shape: [Int], payload: UnsafeRawBufferPointer)? {
        let key = Key(kind: kind, hash: hash)
        guard let map else { return nil }
        let place = state.withLock { state in
            if state.index[key] == nil { state.counts.misses += 1 }
            return state.index[key]
        }
        guard let place else { return nil }
        let header = (map + place.offset).load(as: Header.self)
        let payload = UnsafeRawBufferPointer(
            start: map + place.offset + Header.size, count: Int(header.byteCount))
        let isSound = place.isChecked || Self.checksum(payload) == header.checksum
        state.withLock { state in
            if isSound {
                state.index[key]?.isChecked = true
                state.counts.hits += 1
            } else {
                state.index[key] = nil
                state.counts.damaged += 1
                state.counts.misses += 1
            }
        }
        guard isSound else { return nil }
        let shape = header.shape
        return ([shape.0, shape.1, shape.2, shape.3].map(Int.init), payload)
    }

    private static func checksum(_ payload: UnsafeRawBufferPointer) -> UInt64 {
        var hash = ByteHash()
        hash.add(payload)
        return hash.value
    }

    func store(_ kind: Kind, _ hash: ByteHash, shape: [Int], _ payload: UnsafeRawBufferPointer) {
        guard map != nil else { return }
        var header = Header(
            magic: Self.magic, kind: kind.rawValue, hash: (hash.first, hash.second),
            shape: (Int32(shape[0]), Int32(shape[1]), Int32(shape[2]), Int32(shape[3])),
            byteCount: UInt64(payload.count), checksum: Self.checksum(payload), headerChecksum: 0)
        header.headerChecksum = Self.checksum(header)
        let size = Self.stride(payload.count)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
        defer { bytes.deallocate() }
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        withUnsafeBytes(of: &header) { bytes.copyMemory(from: $0) }
        UnsafeMutableRawBufferPointer(rebasing: bytes[Header.size...]).copyMemory(from: payload)
        state.withLock { state in
            let key = Key(kind: kind, hash: hash)
            // Two threads may have decoded the same file.
            guard state.counts.closed == nil, state.index[key] == nil else { return }
            guard state.end + size <= maxBytes else {
                state.counts.closed = "\(path) has reached its limit of \(maxBytes) bytes"
                return
            }
            var written = 0
            while written < size {
                let count = pwrite(descriptor, bytes.baseAddress! + written, size - written, off_t(state.end + written))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    state.counts.closed = "\(path) cannot be written: \(String(cString: strerror(errno)))"
                    ftruncate(descriptor, state.end)
                    return
                }
                written += count
            }
            state.index[key] = Place(offset: state.end, isChecked: true)
            state.end += size
        }
    }
}

// MARK: - What is kept

extension FrontEndCache {
    /// A picture's segment as f16 gives it back, found or made.
    package func image(
        _ hash: ByteHash, _ make: () throws(MediaError) -> EncoderInput.Segment
    ) throws(MediaError) -> EncoderInput.Segment {
        if let (shape, patches) = patches(.imagePatches, hash) {
            let grid = ImageGrid(width: shape[3], height: shape[2], maxPatches: shape[2] * shape[3])
            return .image(patches: patches, grid: grid)
        }
        let segment = try make()
        guard case .image(let patches, let grid) = segment else { return segment }
        let halves = patches.halves
        halves.withUnsafeBytes {
            store(.imagePatches, hash, shape: [patches.rows, patches.columns, grid.rows, grid.columns], $0)
        }
        return segment.withPatches(halves)
    }

    /// A sound as f16 gives it back, found or made.
    package func sound(
        _ hash: ByteHash, _ make: () throws(MediaError) -> PreparedSound
    ) throws(MediaError) -> PreparedSound {
        if let (shape, patches) = patches(.soundPatches, hash) {
            return PreparedSound(patches: patches, sampleCount: shape[2])
        }
        let sound = try make()
        sound.patches.halves.withUnsafeBytes {
            store(.soundPatches, hash, shape: [sound.patches.rows, sound.patches.columns, sound.sampleCount, 0], $0)
        }
        return sound.roundedToHalf()
    }

    private func patches(_ kind: Kind, _ hash: ByteHash) -> (shape: [Int], Matrix)? {
        guard let (shape, payload) = find(kind, hash), payload.count == 2 * shape[0] * shape[1] else { return nil }
        let patches = Matrix(rows: shape[0], columns: shape[1])
        convertHalf(payload.baseAddress!, into: patches.pointer, count: patches.count)
        return (shape, patches)
    }

    /// Pixels before augmentation, found or decoded.
    package func picture(
        _ hash: ByteHash, _ decode: () throws(MediaError) -> DecodedImage
    ) throws(MediaError) -> DecodedImage {
        if let (shape, payload) = find(.picture, hash), payload.count == 3 * shape[0] * shape[1] {
            return DecodedImage(
                image: PixelImage(size: ImageSize(width: shape[1], height: shape[0]), pixels: Array(payload)),
                originalSize: ImageSize(width: shape[3], height: shape[2]))
        }
        let decoded = try decode()
        let (size, original) = (decoded.image.size, decoded.originalSize)
        decoded.image.pixels.withUnsafeBytes {
            store(.picture, hash, shape: [size.height, size.width, original.height, original.width], $0)
        }
        return decoded
    }

    /// Samples before augmentation, found or decoded.
    package func clip(
        _ hash: ByteHash, _ decode: () throws(MediaError) -> AudioClip
    ) throws(MediaError) -> AudioClip {
        if let (shape, payload) = find(.samples, hash), payload.count == 4 * shape[0] {
            return AudioClip(samples: Array(payload.bindMemory(to: Float.self)))
        }
        let clip = try decode()
        clip.samples.withUnsafeBytes { store(.samples, hash, shape: [clip.samples.count, 0, 0, 0], $0) }
        return clip
    }
}

extension PreparedSound {
    /// As f16 gives it back, for the reason that the segments below have.
    func roundedToHalf() -> PreparedSound {
        PreparedSound(segments: segments.map { $0.roundedToHalf() }, sampleCount: sampleCount)
    }
}

extension EncoderInput.Segment {
    /// The same with every value rounded to f16, so that training sees the same numbers with a cache, without one, and
    /// while it fills. What no cache keeps is as in serving: texts, and all of models of format castor-2.
    func roundedToHalf() -> EncoderInput.Segment {
        switch self {
        case .picture, .sound: self
        default: patches.map { withPatches($0.halves) } ?? self
        }
    }

    fileprivate func withPatches(_ halves: [UInt16]) -> EncoderInput.Segment {
        guard let patches else { return self }
        let result = Matrix(rows: patches.rows, columns: patches.columns)
        halves.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { convertHalf(start, into: result.pointer, count: result.count) }
        }
        return switch self {
        case .text, .pageText: self
        case .image(_, let grid): .image(patches: result, grid: grid)
        case .audio: .audio(patches: result)
        case .video(let frames, let times): .video(frames: frames.withPatches(result), times: times)
        case .page(let picture): .page(picture.withPatches(result))
        case .picture, .sound: self
        }
    }
}

extension Matrix {
    var halves: [UInt16] {
        [UInt16](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count { buffer[index] = halfBits(pointer[index]) }
            initialized = count
        }
    }
}

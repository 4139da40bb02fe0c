private import CZlib

/// What a reader of MP4 and QuickTime files has to keep before it reads a sample: an entry for each one that tables and fragments claim, in every
/// track. A table of equal samples takes 20 bytes for four thousand million of them, and a list of edits has each of them come again.
///
/// FFmpeg takes a table for that of the latest track wherever it stands among the boxes that it looks into, so all of those are looked through here.
struct ISOIndex {
    /// Of some 70 bytes: more than ten hours of pictures and sound.
    private static let maxEntries = 4_000_000
    /// Each costs a decoder.
    private static let maxTracks = 256
    /// FFmpeg goes no deeper.
    private static let maxDepth = 12
    /// Of a movie's tables once they are inflated.
    private static let maxInflated = 64 << 20

    private let name: String
    private let limits: MediaLimits
    /// Of the whole file, whose samples take a byte each, at least.
    private let fileSize: Int
    /// What is looked through: the file, or a movie that was compressed in it.
    private var root: UnsafeRawBufferPointer
    private var isInflated = false
    private var tracks: [Track] = []
    private var fragmentSamples = 0
    private var tags = 0

    private struct Track {
        /// The largest claim; the number of claims.
        var (samples, sampleTables) = (0, 0)
        var (hasPictures, isSound, isOther) = (false, false, false)
        /// Whether a table of durations is what raw sound has, one entry for samples of a unit each, and whether all are.
        var (mayBeRaw, isRaw) = (false, true)
        /// Places that the table of chunks leads to, for raw sound: FFmpeg reads it in pieces of at least 160 samples.
        var pieces = 0
        var chunks = 0
        var edits = 1

        var entries: Int {
            let isSurelyRaw = mayBeRaw && isRaw && isSound && !hasPictures && !isOther && sampleTables == 1
            return max(mayBeRaw ? pieces : 0, isSurelyRaw ? 0 : samples)
        }
    }

    /// Throws `damaged`, `tooManyFrames`, `tooCostly` and `outOfMemory`.
    static func check(
        _ bytes: UnsafeRawBufferPointer, _ name: String, _ limits: MediaLimits
    ) throws(MediaError) {
        var index = ISOIndex(name: name, limits: limits, root: bytes)
        try index.read(bytes, depth: 0)
        try index.judge()
    }

    private init(name: String, limits: MediaLimits, root: UnsafeRawBufferPointer) {
        self.name = name
        self.limits = limits
        self.root = root
        fileSize = root.count
    }

    private func judge() throws(MediaError) {
        var (samples, entries) = (0, fragmentSamples)
        for track in tracks {
            samples += track.entries
            guard samples <= fileSize else {
                throw .damaged(
                    format: name, reason: "its sample tables claim more samples than the file has bytes")
            }
            if track.hasPictures, track.samples > limits.maxVideoPackets {
                throw .tooManyFrames(limit: limits.maxVideoPackets)
            }
            let (product, overflow) = track.entries.multipliedReportingOverflow(by: track.edits)
            entries = overflow ? .max : min(product, .max - entries) + entries
        }
        guard fragmentSamples <= fileSize else {
            throw .damaged(format: name, reason: "its fragments claim more samples than the file has bytes")
        }
        guard entries <= Self.maxEntries else {
            throw .tooCostly(format: name, reason: "its tables claim more than \(Self.maxEntries) samples")
        }
    }

    /// - Parameter isOfTags: whether each box is a tag, of which FFmpeg compares each with all others
    private mutating func read(
        _ parent: UnsafeRawBufferPointer, depth: Int, isOfTags: Bool = false
    ) throws(MediaError) {
        guard depth <= Self.maxDepth else { return }
        for box in ISOContainer.children(of: parent) {
            guard let type = parent.bigEndian(UInt32.self, at: box.typeOffset) else { return }
            if isOfTags {
                tags += 1
                guard tags <= SoundTags.maxCount else { throw SoundTags.tooMany(name) }
            }
            switch BoxType(rawValue: type) {
            case .trak:
                guard tracks.count < Self.maxTracks else {
                    throw .tooCostly(format: name, reason: "it has more than \(Self.maxTracks) tracks")
                }
                tracks.append(Track())
                try read(box.content, depth: depth + 1)
            case .moov, .mdia, .minf, .stbl, .moof, .traf, .mvex, .edts, .dinf, .tref, .wave:
                try read(box.content, depth: depth + 1)
            case .udta, .ilst: try read(box.content, depth: depth + 1, isOfTags: true)
            case .meta:
                // A version may stand before its boxes.
                let handler = stride(from: 4, to: box.content.count, by: 4).first { box.content.has("hdlr", at: $0) }
                if let handler {
                    try read(box.content.slice(handler - 4..<box.content.count), depth: depth + 1)
                }
            case .cmov: try readCompressed(box.content, depth: depth)
            case .free, .hoov:
                // A movie in disguise.
                let isMovie = box.content.has("mvhd", at: 4) || box.content.has("cmov", at: 4)
                if isMovie { try read(box.content, depth: depth + 1) }
            case nil: break
            case .trun:
                fragmentSamples += Int(toTheEnd(box.content).bigEndian(UInt32.self, at: 4) ?? 0)
            case .hdlr, .stts, .stsz, .stz2, .stsc, .stco, .co64, .elst:
                guard !tracks.isEmpty, let known = BoxType(rawValue: type) else { break }
                readTable(known, toTheEnd(box.content), of: &tracks[tracks.count - 1])
            }
        }
    }

    /// A box and all behind it: FFmpeg goes by the counts in tables, and reads beyond a box's end.
    private func toTheEnd(_ box: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard let start = box.baseAddress, let first = root.baseAddress else { return box }
        return UnsafeRawBufferPointer(start: start, count: root.count - (start - first))
    }

    /// Four letters.
    private enum BoxType: UInt32 {
        case moov = 0x6D6F_6F76, trak = 0x7472_616B, mdia = 0x6D64_6961, minf = 0x6D69_6E66, stbl = 0x7374_626C
        case moof = 0x6D6F_6F66, traf = 0x7472_6166, mvex = 0x6D76_6578, edts = 0x6564_7473, udta = 0x7564_7461
        case dinf = 0x6469_6E66, tref = 0x7472_6566, wave = 0x7761_7665, meta = 0x6D65_7461, ilst = 0x696C_7374
        case cmov = 0x636D_6F76, free = 0x6672_6565, hoov = 0x686F_6F76
        case hdlr = 0x6864_6C72, stts = 0x7374_7473, stsz = 0x7374_737A, stz2 = 0x7374_7A32, stsc = 0x7374_7363
        case stco = 0x7374_636F, co64 = 0x636F_3634, elst = 0x656C_7374, trun = 0x7472_756E
    }

    private func readTable(_ type: BoxType, _ bytes: UnsafeRawBufferPointer, of track: inout Track) {
        func number(_ offset: Int) -> Int { Int(bytes.bigEndian(UInt32.self, at: offset) ?? 0) }
        switch type {
        case .hdlr:
            track.isSound = track.isSound || bytes.has("soun", at: 8)
            track.hasPictures = track.hasPictures || bytes.has("vide", at: 8)
            track.isOther = track.isOther || bytes.has("subp", at: 8) || bytes.has("clcp", at: 8)
        case .stts:
            let isRaw = number(4) == 1 && number(12) == 1
            track.mayBeRaw = track.mayBeRaw || isRaw
            track.isRaw = track.isRaw && isRaw
        case .stsz, .stz2:
            track.samples = max(track.samples, number(8))
            track.sampleTables += 1
        case .stco, .co64:
            track.chunks = max(track.chunks, number(4))
            track.pieces = max(track.pieces, track.chunks)
        case .stsc:
            track.pieces = max(track.pieces, pieces(bytes.slice(8..<bytes.count), count: number(4), of: track))
        case .elst: track.edits = max(track.edits, min(number(4), bytes.count / 12))
        default: break
        }
    }

    /// From each run of chunks of as many samples to the next; the last one goes on to the end, which may come later in the file.
    private func pieces(_ bytes: UnsafeRawBufferPointer, count: Int, of track: Track) -> Int {
        var (total, next) = (0, (first: Int.max, samples: 0))
        for index in (0..<min(count, bytes.count / 12)).reversed() {
            let offset = 12 * index
            var first = Int(bytes.bigEndian(UInt32.self, at: offset) ?? 0)
            var samples = Int(bytes.bigEndian(UInt32.self, at: offset + 4) ?? 0)
            if next.first == .max {
                // Of the last run, at least one chunk.
                total += max(1, track.chunks - first + 1) * (samples / 160 + 1)
            } else {
                // An entry out of order is replaced by the next.
                if first >= next.first { (first, samples) = (next.first - 1, next.samples) }
                total += (next.first - first) * (samples / 160 + 1)
            }
            guard total <= Self.maxEntries else { return total }
            next = (first, samples)
        }
        return total
    }

    /// QuickTime's old way to make a movie's tables small.
    private mutating func readCompressed(_ box: UnsafeRawBufferPointer, depth: Int) throws(MediaError) {
        guard let claimed = box.bigEndian(UInt32.self, at: 20), box.count > 24 else { return }
        guard claimed <= Self.maxInflated else {
            throw .tooCostly(format: name, reason: "its tables claim \(claimed) bytes")
        }
        guard !isInflated else { throw .damaged(format: name, reason: "there are two compressed movies in it") }
        isInflated = true
        guard let inflater = castor_inflater_create() else { throw .outOfMemory(format: name) }
        defer { castor_inflater_free(inflater) }
        let input = box.slice(24..<box.count)
        var written = 0
        let movie = [UInt8](unsafeUninitializedCapacity: Int(claimed)) { output, initialized in
            var (consumed, state) = (0, castor_inflation_goes_on)
            while state == castor_inflation_goes_on, written < output.count, consumed < input.count {
                var (read, wrote) = (0, 0)
                state = castor_inflate(
                    inflater, input.baseAddress!.assumingMemoryBound(to: UInt8.self) + consumed, input.count - consumed,
                    &read, output.baseAddress! + written, output.count - written, &wrote)
                consumed += read
                written += wrote
            }
            initialized = written
        }
        let file = root
        defer { root = file }
        try movie.span.bytes.withUnsafeBytes { bytes throws(MediaError) in
            root = bytes
            try read(bytes, depth: depth + 1)
        }
    }
}

private import CFFmpeg
import Glibc

/// The best video stream of a file in memory, through FFmpeg.
struct FFmpegVideo: ~Copyable {
    /// In pixels of the file.
    let stored: ImageSize
    /// Upright, with square pixels.
    let displaySize: ImageSize
    /// As the header claims; nil where it does not.
    let seconds: Double?
    /// Of all streams, as the file claims; nil where it does not.
    let fileSeconds: Double?
    let hasSound: Bool

    private let reader: OpaquePointer
    /// With the cancellation, which lives as long as the reader looks at it.
    private let limits: MediaLimits
    private let orientation: Orientation
    private let maxLowres: Int
    private let format: VideoFormat

    /// When each frame is shown.
    struct Timeline {
        /// In seconds from the first, ascending.
        var starts: [Double] = []
        /// The packet of each.
        var packets: [Int] = []
        /// To the end of the last frame.
        var duration = 0.0
        /// Of all streams, in seconds.
        var end = 0.0
        /// Whether the file goes on with what cannot be read.
        var isBroken = false
        /// Packets of which the container knows that they are damaged.
        var damagedPackets = 0
        /// Frames that are left out because what they depend on is not there, or their time is before the first one's.
        var leftOut = 0
    }

    /// `bytes` must outlive the reader. Throws `damaged`, `noVideo`, `unsupported`, `tooCostly`, `outOfMemory` and `libraryMissing`.
    init(_ bytes: UnsafeRawBufferPointer, format: VideoFormat, limits: MediaLimits) throws(MediaError) {
        var reader: OpaquePointer?
        var info = castor_video_info()
        let bounds = castor_video_limits(
            frame_pixels: Int64(limits.maxVideoPixels), decoded_pixels: Int64(limits.maxDecodedVideoPixels),
            seconds: limits.maxDecodingSeconds, cancelled: limits.cancellation?.flag)
        let status = castor_video_open(
            bytes.baseAddress, bytes.count, format.demuxer(bytes), bounds, &reader, &info)
        guard status == CASTOR_FFMPEG_OK, let reader else { throw Self.failure(status, format, limits) }
        guard info.width > 0, info.height > 0 else {
            castor_video_close(reader)
            throw .damaged(format: format.rawValue, reason: "the size of its frames is not known")
        }
        self.reader = reader
        self.limits = limits
        self.format = format
        stored = ImageSize(width: Int(info.width), height: Int(info.height))
        orientation = [.upright, .rotated90, .rotated180, .rotated270][Int(info.quarter_turns) & 3]
        displaySize = orientation.applied(
            to: Self.squarePixels(stored, Int(info.aspect_num), Int(info.aspect_den)))
        seconds = info.seconds >= 0 ? info.seconds : nil
        fileSeconds = info.file_seconds >= 0 ? info.file_seconds : nil
        hasSound = info.has_audio
        maxLowres = Int(info.max_lowres)
    }

    deinit { castor_video_close(reader) }

    /// The side that the pixels' proportions lengthen, lengthened.
    private static func squarePixels(_ size: ImageSize, _ width: Int, _ height: Int) -> ImageSize {
        func scaled(_ length: Int, _ numerator: Int, _ denominator: Int) -> Int {
            max(1, Int((Double(length) * Double(numerator) / Double(denominator)).rounded(.toNearestOrEven)))
        }
        return width >= height
            ? ImageSize(width: scaled(size.width, width, height), height: size.height)
            : ImageSize(width: size.width, height: scaled(size.height, height, width))
    }

    /// Reads all packets, and decodes none. Throws `damaged`, `tooManyFrames`, `tooCostly` and `outOfMemory`.
    func timeline() throws(MediaError) -> Timeline {
        let maxPackets = limits.maxVideoPackets
        var (unit, count) = ((num: Int32(0), den: Int32(1)), 0)
        var first: UnsafePointer<castor_video_packet>?
        var timeline = Timeline()
        let status = castor_video_scan(
            reader, maxPackets, &first, &count, &unit.num, &unit.den, &timeline.end, &timeline.isBroken,
            &timeline.damagedPackets)
        if status == CASTOR_FFMPEG_TOO_LONG { throw .tooManyFrames(limit: maxPackets) }
        guard status == CASTOR_FFMPEG_OK, let first, unit.num > 0, unit.den > 0 else {
            throw Self.failure(status, format, limits)
        }
        let packets = UnsafeBufferPointer(start: first, count: count)
        // A recording may begin amid frames whose beginning is not in it.
        // A clip begins with frames that are not shown, the first of which may be the only one that decoding can begin at.
        let begin = packets.firstIndex { $0.key } ?? 0
        let order = (begin..<count).filter { packets[$0].shown && packets[$0].time >= packets[begin].time }
            .sorted { (packets[$0].time, $0) < (packets[$1].time, $1) }
        timeline.leftOut = packets.count { $0.shown } - order.count
        guard let opening = order.first, let last = order.last else {
            throw .damaged(format: format.rawValue, reason: "no frame of it is shown")
        }
        let beginTime = packets[opening].time
        func seconds(_ time: Int64) -> Double {
            let (distance, overflow) = time.subtractingReportingOverflow(beginTime)
            return overflow ? .infinity : Double(distance) * Double(unit.num) / Double(unit.den)
        }
        for index in order {
            // Two frames for one moment: the later one covers the other.
            if let previous = timeline.packets.last, packets[previous].time == packets[index].time {
                timeline.packets[timeline.packets.count - 1] = index
                continue
            }
            timeline.starts.append(seconds(packets[index].time))
            timeline.packets.append(index)
        }
        let starts = timeline.starts
        let ownLength = Double(packets[last].duration) * Double(unit.num) / Double(unit.den)
        let length = ownLength > 0 || starts.count < 2 ? ownLength : starts[starts.count - 1] - starts[starts.count - 2]
        timeline.duration = starts[starts.count - 1] + length
        guard timeline.duration.isFinite else {
            throw .damaged(format: format.rawValue, reason: "its times are out of range")
        }
        return timeline
    }

    /// The frames of packets of the timeline, which may come more than once, at the size of `target` times two or less, and what of
    /// those on the way was damaged. Throws `damaged`, `unsupported`, `tooManyFrames`, `tooCostly` and `outOfMemory`.
    func frames(
        _ packets: [Int], target: ImageSize
    ) throws(MediaError) -> (frames: [PixelImage], undecodable: Int, concealed: Int) {
        var wanted: [Int] = []
        for packet in packets where wanted.last != packet { wanted.append(packet) }
        let target = orientation.swapsSides ? ImageSize(width: target.height, height: target.width) : target
        let size = ImageSize(width: min(stored.width, 2 * target.width), height: min(stored.height, 2 * target.height))
        let cost = castor_video_cost(reader, wanted, wanted.count)
        let most = max(1, limits.maxDecodedVideoPixels / stored.pixelCount)
        guard cost <= most else { throw .tooManyFrames(limit: most) }

        let byteCount = 3 * size.pixelCount
        var status = CASTOR_FFMPEG_OK
        var damage = castor_video_damage()
        let rgb = filledBytes(byteCount * wanted.count) { output in
            wanted.withUnsafeBufferPointer { wanted in
                var request = castor_video_request()
                request.indices = wanted.baseAddress
                request.count = wanted.count
                request.lowres = lowres(target)
                request.threads = Self.threads
                (request.width, request.height) = (Int32(size.width), Int32(size.height))
                status = castor_video_decode(reader, &request, output, &damage)
            }
            return status == CASTOR_FFMPEG_OK
        }
        // The container may claim smaller frames than there are.
        if status == CASTOR_FFMPEG_TOO_LONG { throw .tooManyFrames(limit: most) }
        guard let rgb else { throw Self.failure(status, format, limits) }
        var place = -1
        var frames: [PixelImage] = []
        for (index, packet) in packets.enumerated() {
            if index > 0, packets[index - 1] == packet {
                frames.append(frames[index - 1])
                continue
            }
            place += 1
            let pixels = Array(rgb[place * byteCount..<(place + 1) * byteCount])
            frames.append(orientation.applied(to: PixelImage(size: size, pixels: pixels)))
        }
        return (frames, damage.undecodable, damage.concealed)
    }

    /// The power of two by which the decoder may reduce the picture, as the JPEG decoder's rule has it.
    private func lowres(_ target: ImageSize) -> Int32 {
        let reduction = ImageDecoder.reduction(from: stored, to: target)
        return Int32(min(reduction.trailingZeroBitCount, maxLowres))
    }

    /// More hardly help, and each holds frames in memory.
    static let threads = Int32(min(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1), 4))

    private static func failure(
        _ status: castor_ffmpeg_status, _ format: VideoFormat, _ limits: MediaLimits
    ) -> MediaError {
        switch status {
        case CASTOR_FFMPEG_MISSING: .missingFFmpeg
        case CASTOR_FFMPEG_NO_STREAM: .noVideo
        case CASTOR_FFMPEG_UNSUPPORTED: .unsupported("the kind of video in this \(format.rawValue) file")
        case CASTOR_FFMPEG_NO_MEMORY: .outOfMemory(format: format.rawValue)
        case CASTOR_FFMPEG_TOO_SLOW: .tooSlow(format: format.rawValue, limits)
        default: .damaged(format: format.rawValue, reason: "the video data is broken or cut short")
        }
    }
}

extension VideoFormat {
    /// FFmpeg's name of the container; MPEG has three.
    func demuxer(_ bytes: UnsafeRawBufferPointer) -> String {
        switch self {
        case .mp4, .mov: "mov"
        case .webm, .mkv: "matroska"
        case .mpeg:
            switch bytes.bigEndian(UInt32.self, at: 0) {
            case MPEGStream.packMark: "mpeg"
            case 0x0000_01B3: "mpegvideo"
            default: !MPEGStream.isTransportStream(bytes) && MPEGStream.find(in: bytes) == .program ? "mpeg" : "mpegts"
            }
        }
    }
}

extension MediaError {
    static func tooSlow(format: String, _ limits: MediaLimits) -> MediaError {
        .tooCostly(
            format: format, reason: "reading it takes more than \(rounded(limits.maxDecodingSeconds)) s of a processor")
    }
}

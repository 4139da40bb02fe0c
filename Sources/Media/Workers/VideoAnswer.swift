/// What a worker may say of a video.
struct VideoAnswer {
    private let maxFrames: Int
    private let maxSamples: Int
    private let limits: MediaLimits
    private var displaySize: ImageSize?
    private var mostFrames = 0
    private var room = 0

    /// Pixels that are not square make a frame's longer side as long.
    private static let maxDisplaySide = 1 << 45

    init(maxFrames: Int, wantsSound: Bool, limits: MediaLimits) {
        self.maxFrames = maxFrames
        maxSamples = wantsSound ? MediaLimits.samples(in: limits.maxVideoSecondsWithSound) : 0
        self.limits = limits
    }

    /// Frames come at twice the target's width and height at most.
    mutating func target(
        of size: ImageSize, most: (ImageSize) -> Int, _ target: (ImageSize) -> ImageSize
    ) throws(WorkerLie) -> WorkerTarget {
        guard displaySize == nil, max(size.width, size.height) <= Self.maxDisplaySide else { throw WorkerLie() }
        displaySize = size
        let wanted = target(size)
        let width = min(2 * wanted.width, limits.maxVideoSide)
        let height = min(2 * wanted.height, limits.maxVideoSide)
        mostFrames = min(maxFrames, max(1, most(size)))
        room = 3 * mostFrames * min(width * height, limits.maxVideoPixels) + 4 * maxSamples
        return WorkerTarget(size: wanted, frames: mostFrames, room: room)
    }

    func read(_ message: inout MessageReader, _ worker: DecoderWorker) throws(WorkerLie) -> DecodedVideo {
        guard let displaySize else { throw WorkerLie() }
        let selected = try message.int(in: 1...maxFrames)
        let count = try message.int(in: 1...min(selected, mostFrames))
        let size = try message.size(in: 1...limits.maxVideoSide)
        guard size.pixelCount <= limits.maxVideoPixels, 3 * count * size.pixelCount <= room else { throw WorkerLie() }
        var times: [Double] = []
        for _ in 0..<count { times.append(try message.finite()) }
        var frames: [PixelImage] = []
        for index in 0..<count {
            let pixels = try worker.copy(UInt8.self, 3 * size.pixelCount, at: 3 * index * size.pixelCount)
            frames.append(PixelImage(size: size, pixels: pixels))
        }
        let notes = try message.notes()
        guard try message.byte() != 0 else {
            return DecodedVideo(
                frames: frames, of: selected, times: times, displaySize: displaySize, sound: nil, notes: notes)
        }
        let sound = try worker.clip(&message, most: maxSamples, at: 3 * count * size.pixelCount)
        return DecodedVideo(
            frames: frames, of: selected, times: times, displaySize: displaySize, sound: sound, notes: notes)
    }
}

/// What a worker is asked for. Both ends are the same program, so that it travels as it lies in memory; what references it can hold are nil.
struct WorkerRequest {
    var task: Task
    var byteCount: Int
    /// For results, in bytes, where no question comes before them.
    var room: Int
    var limits: MediaLimits

    enum Task {
        case image(ImageFormat)
        case imageSize(ImageFormat)
        case audio(AudioFormat)
        case audioStretch(AudioFormat, from: Double, to: Double)
        case audioSeconds(AudioFormat)
        case audioLength(AudioFormat)
        case video(VideoFormat, VideoSelection, maxFrames: Int, wantsSound: Bool)
        case videoOutline(VideoFormat, VideoSelection, maxFrames: Int, wantsSound: Bool)
    }
}

/// The answer to a worker's question: the size that it may reduce a picture or frames to, how many of them, and the room for what it gives.
struct WorkerTarget {
    /// Nil to keep every pixel.
    var size: ImageSize?
    /// Of those of a film that are selected, how many it decodes.
    var frames = Int.max
    var room: Int
}

/// What a worker's message begins with.
enum WorkerAnswer: UInt8 {
    /// Asks for a ``WorkerTarget``; the size of the picture or of frames follows.
    case question
    /// Sizes and notes; the pixels or samples are in the shared memory.
    case result
    case error
}

private import CWorker
import Glibc

// What a worker does, before and after it has shut itself in: Sources/System/CWorker/Child.c calls it.

@_cdecl("castor_decoder_prepare")
func prepareDecoder() {
    MediaLibraries.load()
}

@_cdecl("castor_decoder_work")
func decodeForEver() -> Never {
    while true { WorkerLoop.decodeNext() }
}

private enum WorkerLoop {
    /// Where results go.
    struct Output {
        /// In bytes; nothing exists beyond it.
        var room: Int
        private var start: UnsafeMutableRawPointer?
        private var size = 0
        private var count = 0

        init(room: Int) {
            self.room = room
        }

        /// Makes a place for all results, of so many bytes.
        mutating func open(_ size: Int) {
            precondition(size <= room, "a result is larger than it can be")
            guard size > 0 else { return }
            guard let place = castor_worker_map_output(size) else { fatalError("no memory for results") }
            (start, self.size) = (place, size)
        }

        mutating func append(_ bytes: UnsafeRawBufferPointer) {
            precondition(bytes.count <= size - count, "there is no place for a result")
            guard let start, let first = bytes.baseAddress else { return }
            (start + count).copyMemory(from: first, byteCount: bytes.count)
            count += bytes.count
        }

        mutating func append(_ image: PixelImage) {
            image.pixels.withUnsafeBytes { append($0) }
        }

        func close() {
            if let start { castor_worker_unmap(start, size) }
        }
    }

    static func decodeNext() {
        let request = read(WorkerRequest.self)
        guard let start = castor_worker_map_input(request.byteCount) else { fatalError("no memory for the file") }
        let bytes = UnsafeRawBufferPointer(start: start, count: request.byteCount)
        var message = MessageWriter()
        var output = Output(room: request.room)
        do throws(MediaError) {
            message.append(WorkerAnswer.result.rawValue)
            try decode(request, bytes.bytes, &output, &message)
        } catch {
            message = MessageWriter()
            message.append(WorkerAnswer.error.rawValue)
            message.append(error)
        }
        output.close()
        castor_worker_unmap(start, request.byteCount)
        message.bytes.withUnsafeBytes { castor_worker_write($0.baseAddress, $0.count) }
    }

    private static func decode(
        _ request: WorkerRequest, _ bytes: RawSpan, _ output: inout Output, _ message: inout MessageWriter
    ) throws(MediaError) {
        switch request.task {
        case .image(let format):
            let decoded = try ImageDecoder.decode(bytes, format: format, limits: request.limits) {
                ask($0, &output).size
            }
            output.open(decoded.image.pixels.count)
            output.append(decoded.image)
            message.append(decoded.image.size)
            message.append(decoded.notes)
        case .imageSize(let format):
            message.append(try ImageDecoder.size(of: bytes, format: format, limits: request.limits))
        case .audio(let format):
            let clip = try AudioDecoder.decode(bytes, format: format, limits: request.limits)
            output.open(clip.byteCount)
            append(clip, &output, &message)
        case .audioStretch(let format, let start, let end):
            let clip = try AudioDecoder.decode(bytes, format: format, from: start, to: end, limits: request.limits)
            output.open(clip.byteCount)
            append(clip, &output, &message)
        case .audioSeconds(let format):
            let seconds = try AudioDecoder.duration(of: bytes, format: format, limits: request.limits)
            message.append(seconds)
        case .audioLength(let format):
            let length = try AudioDecoder.length(of: bytes, format: format, limits: request.limits)
            message.append(length.promised)
            message.append(length.exact)
        case .videoOutline(let format, let selection, let maxFrames, let wantsSound):
            let outline = try VideoDecoder.outline(
                bytes, format: format, selection: selection, maxFrames: maxFrames, wantsSound: wantsSound,
                limits: request.limits)
            message.append(outline.frameCount)
            message.append(outline.soundSeconds)
        case .video(let format, let selection, let maxFrames, let wantsSound):
            var frames = Int.max
            let decoded = try VideoDecoder.decode(
                bytes, format: format, selection: selection, maxFrames: maxFrames, wantsSound: wantsSound,
                limits: request.limits, most: { _ in frames }
            ) { size in
                let target = ask(size, &output)
                frames = target.frames
                return target.size ?? size
            }
            append(decoded, &output, &message)
        }
    }

    private static func append(_ decoded: DecodedVideo, _ output: inout Output, _ message: inout MessageWriter) {
        message.append(decoded.selectedFrames)
        message.append(decoded.frames.count)
        message.append(decoded.frames.first?.size ?? ImageSize(width: 0, height: 0))
        for time in decoded.times { message.append(time) }
        output.open(decoded.frames.reduce(decoded.sound?.byteCount ?? 0) { $0 + $1.pixels.count })
        for frame in decoded.frames { output.append(frame) }
        message.append(decoded.notes)
        message.append(UInt8(decoded.sound == nil ? 0 : 1))
        if let sound = decoded.sound { append(sound, &output, &message) }
    }

    private static func append(_ clip: AudioClip, _ output: inout Output, _ message: inout MessageWriter) {
        clip.samples.withUnsafeBytes { output.append($0) }
        message.append(clip.samples.count)
        message.append(clip.notes)
    }

    /// What is wanted of a picture or frames of this size.
    private static func ask(_ size: ImageSize, _ output: inout Output) -> WorkerTarget {
        var question = MessageWriter()
        question.append(WorkerAnswer.question.rawValue)
        question.append(size)
        question.bytes.withUnsafeBytes { castor_worker_write($0.baseAddress, $0.count) }
        let target = read(WorkerTarget.self)
        output.room = target.room
        return target
    }

    private static func read<Message>(_ type: Message.Type) -> Message {
        return withUnsafeTemporaryAllocation(of: Message.self, capacity: 1) { buffer in
            let count = castor_worker_read(buffer.baseAddress, MemoryLayout<Message>.size)
            precondition(count == MemoryLayout<Message>.size, "no such message")
            return buffer[0]
        }
    }
}

extension AudioClip {
    fileprivate var byteCount: Int { samples.count * MemoryLayout<Float>.size }
}

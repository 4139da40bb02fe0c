private import CFFmpeg

/// libswresample's default sample rate conversion of a mono signal, fed block by block.
struct Resampler: ~Copyable {
    private let handle: OpaquePointer
    private var scratch: [Float]

    /// Rates in Hz. Throws `libraryMissing`, `outOfMemory` and `unsupported`.
    init(from inputRate: Int, to outputRate: Int) throws(MediaError) {
        var handle: OpaquePointer?
        let status = castor_resampler_create(Int32(inputRate), Int32(outputRate), &handle)
        guard status == CASTOR_FFMPEG_OK, let handle else {
            switch status {
            case CASTOR_FFMPEG_MISSING: throw .missingFFmpeg
            case CASTOR_FFMPEG_NO_MEMORY: throw .outOfMemory(format: "sound")
            default: throw .unsupported("resampling from \(inputRate) Hz")
            }
        }
        self.handle = handle
        // Here, not at its declaration: Swift 6.2 would give it up twice where this throws.
        scratch = []
    }

    deinit { castor_resampler_destroy(handle) }

    mutating func append(_ input: UnsafeBufferPointer<Float>, to output: inout [Float]) throws(MediaError) {
        guard let base = input.baseAddress, input.count > 0 else { return }
        try convert(base, input.count, to: &output)
    }

    /// Gives what the filter still holds back. Nothing may be appended afterwards.
    mutating func finish(to output: inout [Float]) throws(MediaError) {
        try convert(nil, 0, to: &output)
    }

    private mutating func convert(
        _ input: UnsafePointer<Float>?, _ count: Int, to output: inout [Float]
    ) throws(MediaError) {
        let bound = castor_resampler_bound(handle, count)
        if scratch.count < bound {
            scratch = [Float](repeating: 0, count: bound)
        }
        let written = castor_resampler_convert(handle, input, count, &scratch, scratch.count)
        guard written >= 0 else { throw .unsupported("resampling: libswresample failed") }
        output.append(contentsOf: scratch[..<written])
    }
}

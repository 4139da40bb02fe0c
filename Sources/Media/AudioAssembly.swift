/// Collects decoded mono blocks into 16 kHz samples, and stops as soon as there are too many.
struct AudioAssembly: ~Copyable {
    /// Each needs a filter of its own.
    private static let maxRates = 100

    private let format: String
    private let limits: MediaLimits
    private var rate: Int?
    private var resampler: Resampler?
    private var rateChanges = 0
    private var samples: [Float] = []

    /// Samples taken in so far at the present rate.
    private var frames = 0
    /// The length of what had other rates.
    private var secondsBefore = 0.0
    /// The length of what is not in this one.
    private let secondsElsewhere: Double

    /// The length so far.
    var seconds: Double { secondsBefore + (rate.map { Double(frames) / Double($0) } ?? 0) }

    /// Whether nothing has been taken in yet.
    var isEmpty: Bool { frames == 0 && secondsBefore == 0 }

    /// - Parameter format: a name such as `wav`, for messages
    init(format: String, limits: MediaLimits, after seconds: Double = 0) {
        self.format = format
        self.limits = limits
        secondsElsewhere = seconds
    }

    /// Throws `damaged`, `audioTooLong`, `badSampleRate`, `tooManyChannels`, `unsupported` and `libraryMissing`.
    mutating func append(
        _ block: UnsafeBufferPointer<Float>, sampleRate: Int, channels: Int
    ) throws(MediaError) {
        if rate != sampleRate {
            try begin(sampleRate: sampleRate, channels: channels)
        }
        frames += block.count
        try limits.check(seconds: secondsElsewhere + seconds)
        guard isFinite(block) else { throw notFinite }
        guard isBounded(block) else { throw tooLoud }
        if resampler == nil {
            samples.append(contentsOf: block)
        } else {
            try resampler?.append(block, to: &samples)
        }
    }

    /// Links of a chained stream may have rates of their own.
    private mutating func begin(sampleRate: Int, channels: Int) throws(MediaError) {
        try limits.check(sampleRate: sampleRate, channels: channels)
        secondsBefore = seconds
        frames = 0
        rateChanges += 1
        guard rateChanges <= Self.maxRates else {
            throw .unsupported("\(format) audio whose sample rate changes more than \(Self.maxRates) times")
        }
        try finishRate()
        rate = sampleRate
        if sampleRate == AudioClip.sampleRate {
            resampler = nil
        } else {
            resampler = try Resampler(from: sampleRate, to: AudioClip.sampleRate)
        }
    }

    /// A function of its own: where `self` is consumed, Swift 6.2 takes the two members for one.
    private mutating func finishRate() throws(MediaError) { try resampler?.finish(to: &samples) }

    /// All samples; none where a handful of them at a high rate are less than one at 16 kHz. Throws `noSamples` and
    /// `damaged`.
    consuming func finish() throws(MediaError) -> [Float] {
        guard !isEmpty else { throw .noSamples(format: format) }
        try finishRate()
        guard samples.withUnsafeBufferPointer(isFinite) else { throw notFinite }
        return samples
    }

    private var tooLoud: MediaError {
        .damaged(format: format, reason: "a sample is more than a million times full scale")
    }

    private var notFinite: MediaError {
        .damaged(format: format, reason: "a sample is not a finite number")
    }
}

/// Whether every value is below 2^20: its square, summed over a window, is far from what f32 holds. On bits, as `isFinite`.
private func isBounded(_ values: UnsafeBufferPointer<Float>) -> Bool {
    let bound = Float(1 << 20).bitPattern
    var bad: UInt32 = 0
    for value in values {
        bad |= value.bitPattern & 0x7FFF_FFFF >= bound ? 1 : 0
    }
    return bad == 0
}

/// Whether no value is infinite or NaN. On bits, because comparisons of floats are not vectorised.
private func isFinite(_ values: UnsafeBufferPointer<Float>) -> Bool {
    let exponent: UInt32 = 0x7F80_0000
    var bad: UInt32 = 0
    for value in values {
        bad |= value.bitPattern & exponent == exponent ? 1 : 0
    }
    return bad == 0
}

package import Castor
import CastorNumerics
package import Encoder
import Media

/// A sample, ready for the encoder.
package struct PreparedSample: Sendable {
    package var query: EncoderInput
    package var positive: EncoderInput?
    package var negatives: [EncoderInput]
    package var queryTeacher: [Float]?
    package var positiveTeacher: [Float]?
    /// What is odd about its parts. Files that a cache answered for have only those on their labels.
    package var notes: [EmbedNote] = []

    /// Of ids, patches and vectors.
    package var byteCount: Int {
        let inputs = [query] + (positive.map { [$0] } ?? []) + negatives
        return inputs.reduce(0) { $0 + $1.byteCount }
            + 4 * ((queryTeacher?.count ?? 0) + (positiveTeacher?.count ?? 0))
    }
}

/// How the samples of one data set become what the encoder reads.
package struct SampleOptions: Sendable, Equatable {
    /// Prompt in front of the query's first text; a row's own task goes before it. The default is none.
    package var prompt: TaskType?
    /// Prompt in front of the positive's and the negatives'. The default is none.
    package var positivePrompt: TaskType?
    /// Probability that a content goes without its prompt. The default is 0.
    package var promptDropout = 0.0
    package var picture = PictureAugmentation()
    package var sound = SoundAugmentation()
    /// Share of a picture's patches that is kept (arXiv 2212.00794). The default is 1: all.
    package var keptPatches = 1.0

    package init() {}
}

/// Samples to encoder inputs, by the same code that serves, with the random changes of training.
///
/// Every random number is a function of the seed, the epoch and the *content*: equal contents stay equal, and the loss can
/// tell that they are not negatives of each other.
package struct SamplePreparation: Sendable {
    private let preparation: Preparation
    private let cache: FrontEndCache?
    private let options: SampleOptions
    private let folder: String

    /// - Parameter folder: what file names are relative to
    package init(_ preparation: Preparation, cache: FrontEndCache?, options: SampleOptions, folder: String) {
        self.preparation = preparation
        self.cache = cache
        self.options = options
        self.folder = folder
    }

    /// - Parameter seed: of the epoch; nil for validation: no random change, every prompt there
    package func callAsFunction(_ sample: Sample, seed: UInt64?) throws(EmbedError) -> PreparedSample {
        var notes: [EmbedNote] = []
        var positive: EncoderInput?
        if let content = sample.positive { positive = try prepare(content, options.positivePrompt, seed, &notes) }
        var negatives: [EncoderInput] = []
        for content in sample.negatives {
            negatives.append(try prepare(content, options.positivePrompt, seed, &notes))
        }
        return PreparedSample(
            query: try prepare(sample.query, sample.task ?? options.prompt, seed, &notes), positive: positive,
            negatives: negatives, queryTeacher: sample.queryTeacher, positiveTeacher: sample.positiveTeacher,
            notes: notes)
    }

    private func prepare(
        _ content: Content, _ task: TaskType?, _ seed: UInt64?, _ notes: inout [EmbedNote]
    ) throws(EmbedError) -> EncoderInput {
        var embed = EmbedOptions()
        embed.files = .relative(to: folder)
        embed.task = task
        if task != nil, let seed, options.promptDropout > 0 {
            var hash = ByteHash()
            hash.add(content)
            var random = SeededGenerator(RandomPurpose.prompt.rawValue, seed, hash.first, hash.second)
            if random.nextUniform() < options.promptDropout { embed.task = nil }
        }
        let prepared = try preparation(content, embed, hooks: hooks(seed))
        notes += prepared.notes
        return prepared.input
    }
}

extension SamplePreparation {
    private func hooks(_ seed: UInt64?) -> TrainingHooks {
        TrainingHooks(cache: cache, options: options, seed: seed)
    }
}

/// Cache, augmentation and patch dropping. Patches are cached where nothing changes them, pixels and samples where
/// augmentation does: an epoch's picture is used once, so that its patches would only fill the disk.
private struct TrainingHooks: PreparationHooks {
    let cache: FrontEndCache?
    let options: SampleOptions
    let seed: UInt64?

    func segments(
        _ bytes: ByteSource, _ request: MediaRequest, _ make: () throws(MediaError) -> [EncoderInput.Segment]
    ) throws(MediaError) -> [EncoderInput.Segment] {
        switch request {
        case .image: try image(bytes, make)
        case .video, .document: try several(bytes, request, make)
        }
    }

    private func image(
        _ bytes: ByteSource, _ make: () throws(MediaError) -> [EncoderInput.Segment]
    ) throws(MediaError) -> [EncoderInput.Segment] {
        let hash = ByteHash(bytes)
        let changes = seed != nil && !options.picture.isIdentity
        guard let cache, !changes else {
            // Models of format castor-2 put ids around a picture, too.
            return try make().map { dropped($0.roundedToHalf(), hash) }
        }
        return [dropped(try cache.image(hash) { () throws(MediaError) in try make()[0] }, hash)]
    }

    func sound(
        _ bytes: ByteSource, _ make: () throws(MediaError) -> PreparedSound
    ) throws(MediaError) -> PreparedSound {
        let changes = seed != nil && !options.sound.isIdentity
        guard let cache, !changes else { return try make().roundedToHalf() }
        return try cache.sound(ByteHash(bytes), make)
    }

    /// Videos and documents are not augmented: they are looked at as they are.
    private func several(
        _ bytes: ByteSource, _ request: MediaRequest, _ make: () throws(MediaError) -> [EncoderInput.Segment]
    ) throws(MediaError) -> [EncoderInput.Segment] {
        guard let cache else { return try make().map { $0.roundedToHalf() } }
        var hash = ByteHash(bytes)
        hash.add("\(request)")
        return try cache.segments(hash, make)
    }

    func picture(
        _ bytes: ByteSource, _ decode: () throws(MediaError) -> DecodedImage
    ) throws(MediaError) -> DecodedImage {
        guard let seed, !options.picture.isIdentity else { return try decode() }
        let hash = ByteHash(bytes)
        let decoded = if let cache { try cache.picture(hash, decode) } else { try decode() }
        var random = SeededGenerator(RandomPurpose.picture.rawValue, seed, hash.first, hash.second)
        let image = options.picture(decoded.image, seed: random.next())
        // A crop has proportions, and so a grid, of its own.
        let size = image.size == decoded.image.size ? decoded.originalSize : image.size
        return DecodedImage(image: image, originalSize: size, notes: decoded.notes)
    }

    func clip(_ bytes: ByteSource, _ decode: () throws(MediaError) -> AudioClip) throws(MediaError) -> AudioClip {
        guard let seed, !options.sound.isIdentity else { return try decode() }
        let hash = ByteHash(bytes)
        let clip = if let cache { try cache.clip(hash, decode) } else { try decode() }
        var random = SeededGenerator(RandomPurpose.sound.rawValue, seed, hash.first, hash.second)
        return AudioClip(samples: options.sound(clip.samples, seed: random.next()), notes: clip.notes)
    }

    private func dropped(_ segment: EncoderInput.Segment, _ hash: ByteHash) -> EncoderInput.Segment {
        guard let seed, options.keptPatches < 1, case .image = segment else { return segment }
        return segment.keepingPatches(
            options.keptPatches, SeededGenerator(RandomPurpose.patches.rawValue, seed, hash.first, hash.second))
    }
}

extension EncoderInput.Segment {
    /// A picture with a random choice of its patches, at least one, in their order. Other segments stay as they are.
    package func keepingPatches(_ share: Double, _ generator: SeededGenerator) -> EncoderInput.Segment {
        guard case .image(let patches, let grid) = self else { return self }
        let count = min(patches.rows, max(1, Int((Double(patches.rows) * share).rounded())))
        var random = generator
        // The first `count` of a shuffle.
        var cells = (0..<Int32(patches.rows)).map { $0 }
        for index in 0..<count { cells.swapAt(index, index + random.next(below: cells.count - index)) }
        let kept = cells[..<count].sorted()
        let result = Matrix(rows: count, columns: patches.columns)
        for (row, cell) in kept.enumerated() {
            result.row(row).update(from: patches.row(Int(cell)), count: patches.columns)
        }
        return .image(patches: result, grid: grid.keeping(kept))
    }
}

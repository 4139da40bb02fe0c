package import Encoder
package import Media

/// Pictures, sounds and videos for the towers of models of format castor-2, with the ids that their makers put around them.
extension ImportedFrontEnd {
    // MARK: - Pictures

    /// All pixels are decoded: those that the tower sees are the reference's to the last bit.
    package func pictureTarget(_ size: ImageSize) -> ImageSize? { nil }

    package func picture(_ decoded: DecodedImage) -> [EncoderInput.Segment] {
        marked(.picture(patched(decoded.image, isFrame: false)), spec.sequence.picture)
    }

    package func page(_ image: PixelImage, ids: [Int32]) -> [EncoderInput.Segment] {
        let text: [EncoderInput.Segment] = ids.isEmpty ? [] : [.text(ids)]
        guard seesPages else { return text }
        return marked(.picture(patched(image, isFrame: false)), spec.sequence.picture) + text
    }

    private func patched(_ image: PixelImage, isFrame: Bool) -> PatchedPicture {
        guard let tower = spec.image else { preconditionFailure("the intake let a picture in") }
        let size = tower.size(
            width: image.width, height: image.height,
            budget: tower.budget(options.pictureTokens, isFrame: isFrame))
        let resized = Resize.antialiased(
            image, to: ImageSize(width: size.width, height: size.height),
            part: PixelPart(
                left: size.left, top: size.top, size: ImageSize(width: size.seenWidth, height: size.seenHeight)),
            tower.pixels.filter.resize, tower.pixels.rounding.resize)
        return tower.patched(resized.pixels, size)
    }

    // MARK: - Sounds

    package func sound(_ clip: AudioClip) throws(MediaError) -> [EncoderInput.Segment] {
        try pieces(clip).flatMap { marked(.sound($0), spec.sequence.sound) }
    }

    private func pieces(_ clip: AudioClip) throws(MediaError) -> [SoundFrames] {
        guard let tower = spec.audio, let spectrogram else { preconditionFailure("the intake let a sound in") }
        let pieces = tower.frames(clip.samples, spectrogram)
        guard !pieces.isEmpty else {
            throw .damaged(format: "sound", reason: "\(clip.samples.count) samples at 16 kHz are too few for a token")
        }
        return pieces
    }

    // MARK: - Videos

    /// Twice what the tower sees: what is done to the pixels on the way does not show.
    package func frameTarget(_ size: ImageSize) -> ImageSize {
        guard let tower = spec.image else { return size }
        let seen = tower.size(
            width: size.width, height: size.height, budget: tower.budget(options.pictureTokens, isFrame: true))
        return ImageSize(width: min(size.width, 2 * seen.width), height: min(size.height, 2 * seen.height))
    }

    package func mostFrames(of size: ImageSize) -> Int {
        guard let tower = spec.image else { return maxFrames }
        let seen = tower.size(
            width: size.width, height: size.height, budget: tower.budget(options.pictureTokens, isFrame: true))
        // One more than would do: a frame that was reduced may be a row or column smaller.
        return maxTokens / max(1, seen.tokenCount) + 2
    }

    /// The frames in their order; with sound, or where it was asked for, each after its time, and each second of the sound after the frame
    /// that it was heard with.
    package func video(_ decoded: DecodedVideo) throws(MediaError) -> [EncoderInput.Segment] {
        let sound = spec.audio == nil ? nil : decoded.sound
        let isTimed = spec.body != nil && tokenizer != nil && (options.timesFrames || sound != nil)
        var segments: [EncoderInput.Segment] = []
        var soundtrack = try sound.map { (clip) throws(MediaError) in Soundtrack(try pieces(clip)) }
        for (index, frame) in decoded.frames.enumerated() {
            let second = Int(decoded.times[index].rounded(.toNearestOrEven))
            if isTimed { segments += try stamp(second, isFirst: segments.isEmpty) }
            segments += marked(.picture(patched(frame, isFrame: true)), spec.sequence.picture)
            guard soundtrack != nil else { continue }
            let isLast = index + 1 == decoded.frames.count
            let next = isLast ? Int.max : Int(decoded.times[index + 1].rounded(.toNearestOrEven))
            let end = isLast ? max(second + 1, Int(sound?.seconds ?? 0)) : next
            for heard in second..<max(second, end) {
                guard let parts = soundtrack?.take(isLast: isLast && heard + 1 == end), !parts.isEmpty else { break }
                segments += try stamp(heard, isFirst: false)
                for part in parts { segments += marked(.sound(part), spec.sequence.sound) }
            }
        }
        return segments
    }

    /// `00:07 `, with a space before it where something stands there.
    private func stamp(_ second: Int, isFirst: Bool) throws(MediaError) -> [EncoderInput.Segment] {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let text = "\(isFirst ? "" : " ")\(two(second / 60)):\(two(second % 60)) "
        do { return [.text(try ids(text, limit: 64).ids)] } catch {
            throw .tooCostly(format: "video", reason: error.reason)
        }
    }
}

/// The tokens of a sound, dealt out second by second.
private struct Soundtrack {
    private static let tokensPerSecond = 25

    private var rest: [SoundFrames]

    init(_ pieces: [SoundFrames]) {
        rest = pieces
    }

    /// Those of the next second, or all that are left; of more than one piece where a second has both.
    mutating func take(isLast: Bool) -> [SoundFrames] {
        var room = isLast ? Int.max : Self.tokensPerSecond
        var taken: [SoundFrames] = []
        while room > 0, let piece = rest.first {
            let count = min(room, piece.tokenCount)
            taken.append(SoundFrames(mel: piece.mel, firstToken: piece.firstToken, tokenCount: count))
            room -= count
            if count < piece.tokenCount {
                rest[0] = SoundFrames(
                    mel: piece.mel, firstToken: piece.firstToken + count, tokenCount: piece.tokenCount - count)
            } else {
                rest.removeFirst()
            }
        }
        return taken
    }
}

extension PixelSpec.Filter {
    fileprivate var resize: Resize.Filter {
        switch self {
        case .bilinear: .bilinear
        case .bicubic: .bicubic
        }
    }
}

extension PixelSpec.Rounding {
    fileprivate var resize: Resize.Rounding {
        switch self {
        case .torchvision: .torchvision
        case .pillow: .pillow
        }
    }
}

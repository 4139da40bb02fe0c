import Glibc
package import Media

/// Random changes of a picture that leave its meaning. Pure: equal picture, options and seed give equal pixels.
package struct PictureAugmentation: Sendable, Equatable, Codable {
    /// Share of the area that a crop keeps, at least. The default is 1: no crop.
    package var crop = 1.0
    /// How far a crop's proportions may be from the picture's, as a factor. The default is 4/3.
    package var aspect = 4.0 / 3
    /// Probability of a mirror image. The default is 0: captions say left and right, and letters have a direction.
    package var flip = 0.0
    /// Largest relative change of brightness, contrast and saturation. The defaults are 0.
    package var brightness = 0.0
    package var contrast = 0.0
    package var saturation = 0.0

    package init() {}

    package var isIdentity: Bool {
        crop >= 1 && flip == 0 && brightness == 0 && contrast == 0 && saturation == 0
    }

    package func callAsFunction(_ image: PixelImage, seed: UInt64) -> PixelImage {
        var random = SeededGenerator(seed: seed)
        // All numbers are drawn whatever is switched on, so that one option does not change what another does.
        let (area, shape) = (random.next(in: min(crop, 1)...1), random.next(in: -1...1))
        let (left, top, mirror) = (random.nextUniform(), random.nextUniform(), random.nextUniform())
        let jitter = (random.next(in: -1...1), random.next(in: -1...1), random.next(in: -1...1))
        var image = image
        if crop < 1 { image = cropped(image, area: area, proportion: pow(aspect, shape), left: left, top: top) }
        if mirror < flip { image = mirrored(image) }
        let factors = (1 + brightness * jitter.0, 1 + contrast * jitter.1, 1 + saturation * jitter.2)
        return factors == (1, 1, 1)
            ? image : colored(image, brightness: factors.0, contrast: factors.1, saturation: factors.2)
    }

    private func cropped(
        _ image: PixelImage, area: Double, proportion: Double, left: Double, top: Double
    ) -> PixelImage {
        func side(_ full: Int, _ factor: Double) -> Int { min(full, max(1, Int((Double(full) * factor).rounded()))) }
        let width = side(image.width, (area * proportion).squareRoot())
        let height = side(image.height, (area / proportion).squareRoot())
        let x = Int(left * Double(image.width - width + 1))
        let y = Int(top * Double(image.height - height + 1))
        let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, count in
            image.pixels.withUnsafeBufferPointer { source in
                for row in 0..<height {
                    let line = source.baseAddress! + 3 * ((y + row) * image.width + x)
                    (buffer.baseAddress! + 3 * row * width).initialize(from: line, count: 3 * width)
                }
            }
            count = 3 * width * height
        }
        return PixelImage(size: ImageSize(width: width, height: height), pixels: pixels)
    }

    private func mirrored(_ image: PixelImage) -> PixelImage {
        var pixels = image.pixels
        for row in 0..<image.height {
            var (a, b) = (3 * row * image.width, 3 * ((row + 1) * image.width - 1))
            while a < b {
                for channel in 0..<3 { pixels.swapAt(a + channel, b + channel) }
                (a, b) = (a + 3, b - 3)
            }
        }
        return PixelImage(size: image.size, pixels: pixels)
    }

    /// Brightness scales all values, contrast their distance from the picture's mean, saturation the distance of a pixel's
    /// channels from its gray (Rec. 601 weights).
    private func colored(
        _ image: PixelImage, brightness: Double, contrast: Double, saturation: Double
    ) -> PixelImage {
        let sum = image.pixels.reduce(0) { $0 + Int($1) }
        let mean = Float(brightness) * Float(Double(sum) / Double(max(1, image.pixels.count)))
        let (scale, saturation) = (Float(contrast * brightness), Float(saturation))
        // contrast (brightness color - mean) + mean, and a half to round by cutting off.
        let offset = mean - Float(contrast) * mean + 0.5
        let changed = [UInt8](unsafeUninitializedCapacity: image.pixels.count) { buffer, count in
            image.pixels.withUnsafeBufferPointer { pixels in
                for start in stride(from: 0, to: pixels.count, by: 3) {
                    let (r, g, b) = (Float(pixels[start]), Float(pixels[start + 1]), Float(pixels[start + 2]))
                    let gray = (0.299 * r + 0.587 * g + 0.114 * b) * (1 - saturation)
                    buffer[start] = UInt8(clamping: Int32(scale * (gray + saturation * r) + offset))
                    buffer[start + 1] = UInt8(clamping: Int32(scale * (gray + saturation * g) + offset))
                    buffer[start + 2] = UInt8(clamping: Int32(scale * (gray + saturation * b) + offset))
                }
            }
            count = image.pixels.count
        }
        return PixelImage(size: image.size, pixels: changed)
    }
}

/// Random changes of a sound that leave its meaning. Pure: equal samples, options and seed give equal samples.
package struct SoundAugmentation: Sendable, Equatable, Codable {
    /// Largest shift in time, as a share of the length; what leaves at one end enters at the other. The default is 0.
    package var shift = 0.0
    /// Largest change of loudness, in decibels. The default is 0.
    package var gain = 0.0
    /// Loudest added white noise, in decibels below the sound's own power; each sound draws a level from there down to 40
    /// lower. The default, nil, adds none.
    package var noise: Double?
    /// Largest change of the playing rate, as a share: speed, pitch and formants move together (Ko et al. 2015, "Audio Augmentation for Speech
    /// Recognition"). A rate r is drawn so that r and 1 / r are as likely. The default is 0.
    package var rate = 0.0
    /// Largest weight a of the sample before in x_n - a x_(n-1), of either sign: brighter or duller, as another microphone. The default is 0.
    package var tilt = 0.0

    package init() {}

    package var isIdentity: Bool { shift == 0 && gain == 0 && noise == nil && rate == 0 && tilt == 0 }

    package func callAsFunction(_ samples: [Float], seed: UInt64) -> [Float] {
        var random = SeededGenerator(seed: seed)
        let (offset, loudness, level) = (random.next(in: -1...1), random.next(in: -1...1), random.nextUniform())
        guard !samples.isEmpty else { return samples }
        // Numbers of their own, so that what follows is the same without them.
        var voice = SeededGenerator(seed: ~seed)
        let (pace, color) = (voice.next(in: -1...1), voice.next(in: -1...1))
        var result = rate == 0 ? samples : played(samples, pow(1 + rate, pace))
        if tilt != 0 { result = tilted(result, Float(tilt * color)) }
        let distance = Int((offset * shift * Double(result.count)).rounded()) %% result.count
        if distance != 0 { result = Array(result[distance...] + result[..<distance]) }
        if gain != 0 {
            let factor = Float(pow(10, gain * loudness / 20))
            for index in result.indices { result[index] *= factor }
        }
        if let noise {
            let power = result.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(result.count)
            // Uniform in -a...a has the power a^2 / 3, and is as white as Gaussian noise for a twentieth of its cost.
            let amplitude = Float((3 * power * pow(10, (-noise - 40 * level) / 10)).squareRoot())
            for index in result.indices { result[index] += amplitude * Float(2 * random.nextUniform() - 1) }
        }
        return result
    }

    /// Linear interpolation: what it does to the highest octave is one more change.
    private func played(_ samples: [Float], _ rate: Double) -> [Float] {
        let count = max(1, Int((Double(samples.count - 1) / rate).rounded(.down)) + 1)
        return (0..<count).map { index in
            let place = Double(index) * rate
            let before = min(Int(place), samples.count - 1)
            let after = min(before + 1, samples.count - 1)
            return samples[before] + Float(place - Double(before)) * (samples[after] - samples[before])
        }
    }

    /// As loud as before.
    private func tilted(_ samples: [Float], _ weight: Float) -> [Float] {
        var (before, was, becomes): (Float, Double, Double) = (0, 0, 0)
        var result = samples.map { sample in
            let value = sample - weight * before
            before = sample
            was += Double(sample) * Double(sample)
            becomes += Double(value) * Double(value)
            return value
        }
        guard becomes > 0 else { return result }
        let factor = Float((was / becomes).squareRoot())
        for index in result.indices { result[index] *= factor }
        return result
    }
}

infix operator %% : MultiplicationPrecedence

/// The remainder that is never negative.
private func %% (a: Int, b: Int) -> Int {
    let rest = a % b
    return rest < 0 ? rest + b : rest
}

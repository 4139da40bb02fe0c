/// Sounds to tokens: a spectrogram, convolutions that shorten it, a stack, and what brings its tokens into the body or to a vector.
///
/// Tensors (docs/model.md): `audio.subsampling.N`, `audio.subsampling.N.norm`, `audio.input`, `audio.positions`, the stack's `audio.layers.*`
/// and `audio.norm`, `audio.output`, `audio.projection_norm`, `audio.projection`, and of a vector `audio.head.*`.
package struct AudioSpec: Codable, Sendable, Equatable {
    package var spectrogram: SpectrogramSpec
    /// Samples of the longest sound that the tower was made for: longer ones are cut, or come as several (``pieces(sampleCount:)``).
    package var longest: Int
    package var subsampling: SubsamplingSpec
    /// From the values that the convolutions leave of a token to the stack's width, where they are not that many.
    package var input: DenseSpec?
    /// Rows of a table of positions, one of which is added to each token.
    package var positions: Int?
    package var stack: StackSpec
    /// After the stack.
    package var output: DenseSpec?
    /// Of what is projected.
    package var projectionNorm: NormSpec?
    /// Into the body.
    package var projection: DenseSpec?
    /// Where the model has no body.
    package var vector: VectorSpec?

    package init(spectrogram: SpectrogramSpec, longest: Int, subsampling: SubsamplingSpec, stack: StackSpec) {
        self.spectrogram = spectrogram
        self.longest = longest
        self.subsampling = subsampling
        self.stack = stack
    }

    /// Values of the tower's tokens.
    package var width: Int { projection?.outputs ?? output?.outputs ?? stack.width }

    /// Tokens that the tower makes of a sound of so many samples, known before anything is decoded: 0 where it is too short for one.
    ///
    /// Of a sound longer than ``longest``, the number that its first piece has; ``pieces(sampleCount:)`` says how many there are.
    package func tokenCount(sampleCount: Int) -> Int {
        let frames = spectrogram.frameCount(sampleCount: min(sampleCount, longest))
        return frames == 0 ? 0 : subsampling.count(of: frames)
    }

    /// Samples that a token stands for: 25 tokens a second have 640 of 16,000.
    package var samplesPerToken: Int { spectrogram.hop * subsampling.layers.reduce(1) { $0 * $1.stride } }

    /// A sound in pieces of at most ``longest`` samples, each of which is a sound of its own to the tower, with marks of its own around it.
    /// What is left at the end without being enough for a token belongs to none.
    ///
    /// One piece for every sound within bounds, none for one that is too short. Who cuts as the reference of EmbeddingGemma 2 does (at
    /// 30 seconds) takes the first alone.
    package func pieces(sampleCount: Int) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var start = 0
        while start < sampleCount {
            let end = min(start + longest, sampleCount)
            if tokenCount(sampleCount: end - start) > 0 { pieces.append(start..<end) }
            start = end
        }
        return pieces
    }
}

/// Convolutions over a spectrogram, each of which may shorten it. Kernels are centred, and beyond the edges there are zeros.
package struct SubsamplingSpec: Codable, Sendable, Equatable {
    package enum Axes: String, Codable, Sendable {
        /// The bands of a frame are its channels.
        case time
        /// Kernels and strides hold for frames and bands; there is one channel at first.
        case timeAndBands
    }

    /// `activation(norm(convolution(x)))`
    package struct Layer: Codable, Sendable, Equatable {
        package var channels: Int
        package var kernel: Int
        package var stride: Int
        package var bias: Bool
        /// Over the channels of a place.
        package var norm: NormSpec?
        package var activation: Activation

        package init(
            channels: Int, kernel: Int, stride: Int, bias: Bool, norm: NormSpec? = nil, activation: Activation
        ) {
            self.channels = channels
            self.kernel = kernel
            self.stride = stride
            self.bias = bias
            self.norm = norm
            self.activation = activation
        }

        /// Places along an axis that had so many.
        func count(of places: Int) -> Int { (places - 1) / stride + 1 }
    }

    package var axes: Axes
    package var layers: [Layer]

    package init(axes: Axes, layers: [Layer]) {
        self.axes = axes
        self.layers = layers
    }

    /// Tokens of so many frames, one or more.
    func count(of frames: Int) -> Int { layers.reduce(frames) { $1.count(of: $0) } }

    /// What goes in and comes out of each layer at one time: places along the bands, and channels. The first is a frame's.
    func shapes(bands: Int) -> [(places: Int, channels: Int)] {
        var shapes = [axes == .time ? (1, bands) : (bands, 1)]
        for layer in layers {
            let places = shapes[shapes.count - 1].0
            shapes.append((axes == .time ? 1 : layer.count(of: places), layer.channels))
        }
        return shapes
    }
}

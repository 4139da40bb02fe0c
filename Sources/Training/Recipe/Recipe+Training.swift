import Castor
import Encoder

// What a recipe says, as the trainer and the data take it.

extension Recipe.Stage {
    /// Updates of the stage.
    ///
    /// - Parameter batches: of one pass over all its data sets
    package func stepCount(batches: Int) -> Int {
        steps ?? max(1, Int((epochs! * Double(batches) / Double(accumulate)).rounded(.up)))
    }

    /// The losses. Sizes and teacher vectors are checked against the model and the data.
    ///
    /// - Parameters:
    ///   - place: the stage's, for messages: `stages[0]`
    ///   - teachers: lengths of the data sets' teacher vectors, each once
    package func objective(
        _ architecture: Architecture, teachers: Set<Int>, place: String
    ) throws(RecipeError) -> Objective {
        func fail(_ key: String, _ reason: String) -> RecipeError {
            .invalid([RecipeProblem(path: "\(place).\(key)", reason: reason)])
        }
        let sizes = loss.sizes ?? architecture.matryoshkaDimensions
        for size in sizes where size > architecture.outputDimensions {
            throw fail("loss.sizes", "\(size) is more than the model's \(architecture.outputDimensions)")
        }
        let weights = loss.sizeWeights ?? sizes.map { _ in 1 }
        var objective = Objective(levels: zip(sizes, weights).map { MatryoshkaLevel(size: $0, weight: $1) })
        objective.contrastive = loss.contrastive.enabled ? loss.contrastive.value : nil
        if loss.teacherCosine != nil || loss.teacherSimilarity != nil, teachers.isEmpty {
            throw fail(
                loss.teacherCosine != nil ? "loss.teacherCosine" : "loss.teacherSimilarity",
                "no data set has teacher vectors")
        }
        if let cosine = loss.teacherCosine {
            guard let dimensions = teachers.first, teachers.count == 1 else {
                let lengths = teachers.sorted().map { "\($0)" }.joined(separator: " and ")
                throw fail("loss.teacherCosine", "the data sets' teacher vectors have \(lengths) components")
            }
            guard cosine.head || (cosine.size ?? dimensions) == dimensions else {
                throw fail("loss.teacherCosine.size", "must be the teacher's \(dimensions) without a head")
            }
            guard (cosine.size ?? dimensions) <= architecture.outputDimensions else {
                throw fail("loss.teacherCosine.size", "is more than the model's \(architecture.outputDimensions)")
            }
            var value = TeacherCosineLoss()
            (value.weight, value.size, value.usesHead) = (cosine.weight, cosine.size, cosine.head)
            objective.teacherCosine = value
            objective.teacherDimensions = dimensions
        }
        if let similarity = loss.teacherSimilarity {
            var value = TeacherSimilarityLoss()
            value.weight = similarity.weight
            value.candidates = similarity.candidates
            if let longest = teachers.max(), similarity.candidates != .batch, longest > architecture.outputDimensions {
                throw fail(
                    "loss.teacherSimilarity.candidates",
                    "are vectors of \(longest) components, more than the model's \(architecture.outputDimensions)")
            }
            value.distance = similarity.temperature.map { .divergence(temperature: $0) } ?? .meanSquare
            objective.teacherSimilarity = value
        }
        return objective
    }

    /// - Parameter steps: updates of the stage
    package func trainerOptions(steps: Int) -> Trainer.Options {
        var options = Trainer.Options(
            schedule: Schedule(
                peak: schedule.peak, decay: schedule.decay, warmUpSteps: Int(schedule.warmUp * Double(steps)),
                totalSteps: steps, finalShare: schedule.final))
        let from = optimizer
        options.optimizer.beta1 = from.beta1
        options.optimizer.beta2 = from.beta2
        options.optimizer.epsilon = from.epsilon
        options.optimizer.momentum = from.momentum
        options.optimizer.decay = from.decay
        options.optimizer.maxNorm = from.maxNorm > 0 ? from.maxNorm : nil
        options.optimizer.restsUntouchedRows = from.restUntouchedRows
        options.optimizer.trained = train
        options.optimizer.groups =
            from.freeze.map { ParameterGroup($0, frozen: true) }
            + from.groups.map {
                ParameterGroup(
                    $0.pattern, rateFactor: $0.rate, decay: $0.decay, method: $0.method == "muon" ? .muon : .adamW)
            }
        options.averageDecay = from.average
        options.precision = precision
        options.engine.maxChunkTokens = memory.chunkTokens
        options.engine.keeping = memory.keep == "blockInputs" ? .blockInputs : .everything
        return options
    }
}

extension Recipe.Loss.Contrastive {
    fileprivate var value: ContrastiveLoss {
        var loss = ContrastiveLoss()
        loss.weight = weight
        loss.temperature = temperature
        loss.learnsTemperature = learnsTemperature
        loss.symmetric = symmetric
        return loss
    }
}

extension Recipe {
    /// How samples are decoded ahead.
    package var prefetching: Prefetcher<Sampler.Plan, Result<PreparedSample, BadSample>>.Options {
        var options = Prefetcher<Sampler.Plan, Result<PreparedSample, BadSample>>.Options()
        (options.threads, options.maxBytes) = (workers, prefetchBytes)
        return options
    }
}

extension Recipe.Data {
    var sampleOptions: SampleOptions {
        var options = SampleOptions()
        options.prompt = prompt.flatMap(TaskType.init(name:))
        options.positivePrompt = positivePrompt.flatMap(TaskType.init(name:))
        options.promptDropout = promptDropout
        options.picture.crop = image.crop
        options.picture.aspect = image.aspect
        options.picture.flip = image.flip
        options.picture.brightness = image.brightness
        options.picture.contrast = image.contrast
        options.picture.saturation = image.saturation
        options.keptPatches = image.keptPatches
        options.sound = audio
        return options
    }
}

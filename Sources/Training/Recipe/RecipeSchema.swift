import Castor
import CastorNumerics

/// Every key of a recipe, its limits, its default and what it means: the one place that checking, defaults and the table
/// in docs/recipes.md come from.
package enum RecipeSchema {
    static let root = RecipeShape.object([
        RecipeField("name", .text, .defaults("\"training\""), "Name of the run, in its report and model card."),
        RecipeField(
            "model", .path, .required,
            "Model folder to start from: its weights, or random ones where it has none (`config.json` and "
                + "`tokenizer.model` are enough then)."),
        RecipeField("output", .path, .required, "Folder of the run: checkpoints, logs, report, and the model."),
        RecipeField(
            "seed", .whole(.init(least: 0, most: 9_007_199_254_740_992)), .defaults("1"),
            "Of weights, order and augmentation. Equal seeds give equal bits."),
        RecipeField(
            "threads", .whole(.init(least: 1, most: 1_024)), .optional, "Threads that compute; all cores without it."),
        RecipeField(
            "workers", .whole(.init(least: 0, most: 64)), .defaults("1"),
            "Threads that decode ahead; 0 decodes when a batch is wanted."),
        RecipeField(
            "prefetchBytes", .whole(.atLeast(0)), .defaults("268435456"), "Bytes of decoded samples that may wait."),
        RecipeField("cache", cache, .defaults("{}"), "Decoded pictures and sounds, kept on disk."),
        RecipeField("stages", .list(stage, minimum: 1), .required, "One after the other, on the same weights."),
        RecipeField("evaluation", evaluation, .defaults("{}"), "Retrieval on held-out pairs."),
    ])

    private static let cache = RecipeShape.object([
        RecipeField("enabled", .flag, .defaults("true"), "Whether there is one."),
        RecipeField("folder", .path, .optional, "Where; without it, `cache` in the output folder."),
        RecipeField(
            "maxBytes", .whole(.atLeast(0)), .defaults("4294967296"),
            "Largest file, one a data set; the rest is decoded anew."),
    ])

    private static let stage = RecipeShape.object([
        RecipeField("name", .text, .optional, "In logs; without it, its number."),
        RecipeField(
            "steps", .whole(.init(least: 1, most: 1_000_000_000)), .optional, "Updates. Either this or `epochs`."),
        RecipeField(
            "epochs", .number(.init(above: 0, most: 1_000_000)), .optional,
            "Passes: as many updates as all data sets of the stage have batches, times this."),
        RecipeField(
            "train", .list(.text, minimum: 1), .defaults("[\"*\"]"),
            "Patterns of tensors that are trained, such as `image.head.*`; the others are locked."),
        RecipeField("data", .list(data, minimum: 1), .required, "Data sets; each batch is drawn from one of them."),
        RecipeField("loss", loss, .defaults("{}"), "What is made small."),
        RecipeField("optimizer", optimizer, .defaults("{}"), "AdamW."),
        RecipeField("schedule", schedule, .required, "The learning rate."),
        RecipeField("memory", memory, .defaults("{}"), "What is kept for the backward pass."),
        RecipeField(
            "precision", .choice(ProductPrecision.allCases.map(\.rawValue)), .defaults("\"single\""),
            "Of the blocks' matrix products in training. `bfloat16` is faster (docs/performance.md); it needs a processor with AVX512-BF16. Weights, "
                + "sums, attention, losses and evaluations stay in single precision."),
        RecipeField(
            "accumulate", .whole(.init(least: 1, most: 1_000_000)), .defaults("1"),
            "Batches of one update. Not a larger contrastive batch: use `batch` and `memory.chunkTokens` for that."),
    ])

    private static let column = RecipeShape.either([.text, .whole(.atLeast(0))])

    private static let data = RecipeShape.object([
        RecipeField("name", .text, .optional, "In messages and logs; without it, the last component of the path."),
        RecipeField("path", .path, .required, "File or folder."),
        RecipeField(
            "format", .choice(DataSource.Format.allCases.map(\.rawValue)), .optional,
            "Without it, the file's extension decides; `folder` for a folder."),
        RecipeField(
            "rate", .number(.above(0)), .optional,
            "How often a batch is drawn from it, relative to the others. Without it, by size; for all or for none."),
        RecipeField("batch", .whole(.init(least: 1, most: 1_000_000)), .defaults("64"), "Pairs of a batch."),
        RecipeField(
            "bucket", .whole(.init(least: 1, most: 1_000_000)), .defaults("16"),
            "Batches whose pairs are sorted by length together; 1 for none."),
        RecipeField("header", .flag, .optional, "TSV, CSV: whether the first line names the columns. To be stated."),
        RecipeField("query", column, .defaults("0"), "TSV, CSV: column of the query, by name or from 0."),
        RecipeField(
            "positive", .either([.text, .whole(.atLeast(0)), .flag]), .defaults("1"),
            "TSV, CSV: column of the positive; false for none, with a teacher."),
        RecipeField("negatives", .list(column, minimum: 0), .defaults("[]"), "TSV, CSV: columns of hard negatives."),
        RecipeField("captions", .text, .optional, "Folder: the captions file; without it, a known name or classes."),
        RecipeField(
            "template", .either([.text, .list(.text, minimum: 1)]), .defaults("\"{class}\""),
            "Folder: text of a file, `{class}` or `{caption}` in it; of several, one is drawn."),
        RecipeField("swap", .flag, .defaults("false"), "Whether query and positive change places."),
        RecipeField("prompt", task, .optional, "Task prompt of the query; a row's own task goes before it."),
        RecipeField("positivePrompt", task, .optional, "Task prompt of the positive and the negatives."),
        RecipeField(
            "promptDropout", .number(.share), .defaults("0"), "Probability that a content goes without its prompt."),
        RecipeField(
            "teacher", .either([.path, .object(teachers)]), .optional,
            "`.npy` file of vectors for the queries, or one for each side."),
        RecipeField(
            "heldOut", .number(.init(least: 0, most: 0.9)), .optional,
            "Share held out for evaluation; without it, `evaluation.heldOut`."),
        RecipeField("badShare", .number(.share), .defaults("0.01"), "Share of bad samples tolerated; one always is."),
        RecipeField("cache", .flag, .defaults("true"), "Whether its pictures and sounds are cached."),
        RecipeField("image", picture, .defaults("{}"), "Random changes of pictures."),
        RecipeField("audio", sound, .defaults("{}"), "Random changes of sounds."),
    ])

    private static let teachers = [
        RecipeField("query", .path, .optional, "`.npy` file for the queries."),
        RecipeField("positive", .path, .optional, "`.npy` file for the positives."),
    ]

    private static let task = RecipeShape.choice(TaskType.allCases.map(\.rawValue))

    private static let picture = RecipeShape.object([
        RecipeField(
            "crop", .number(.init(above: 0, most: 1)), .defaults("1"), "Smallest share of the area that a crop keeps."),
        RecipeField(
            "aspect", .number(.init(least: 1, most: 4)), .defaults("1.3333333333333333"),
            "Most that a crop's proportions change, as a factor."),
        RecipeField("flip", .number(.share), .defaults("0"), "Probability of a mirror image."),
        RecipeField("brightness", .number(.share), .defaults("0"), "Largest relative change."),
        RecipeField("contrast", .number(.share), .defaults("0"), "Largest relative change."),
        RecipeField("saturation", .number(.share), .defaults("0"), "Largest relative change."),
        RecipeField(
            "keptPatches", .number(.init(above: 0, most: 1)), .defaults("1"),
            "Share of the patches that is kept (FLIP, arXiv 2212.00794)."),
    ])

    private static let sound = RecipeShape.object([
        RecipeField(
            "shift", .number(.share), .defaults("0"), "Largest shift in time, a share of the length; it goes round."),
        RecipeField("gain", .number(.init(least: 0, most: 60)), .defaults("0"), "Largest change of loudness, dB."),
        RecipeField(
            "noise", .number(.init(least: -20, most: 120)), .optional,
            "Loudest white noise, dB below the sound; each draws from there to 40 dB lower."),
        RecipeField(
            "rate", .number(.share), .defaults("0"), "Largest change of the playing rate, a share: speed and pitch."),
        RecipeField(
            "tilt", .number(.init(least: 0, most: 0.97)), .defaults("0"),
            "Largest weight of the sample before, taken off or added: brighter or duller."),
    ])

    private static let loss = RecipeShape.object([
        RecipeField(
            "sizes", .list(.whole(.atLeast(1)), minimum: 1), .optional,
            "Matryoshka sizes; without it, those of the model's configuration."),
        RecipeField(
            "sizeWeights", .list(.number(.above(0)), minimum: 1), .optional, "One a size; without it, 1 each."),
        RecipeField("contrastive", contrastive, .defaults("{}"), "InfoNCE, docs/training-exact.md."),
        RecipeField("teacherCosine", teacherCosine, .optional, "1 - cosine to the teacher's vector."),
        RecipeField("teacherSimilarity", teacherSimilarity, .optional, "The batch's cosines as the teacher's are."),
    ])

    private static let contrastive = RecipeShape.object([
        RecipeField("enabled", .flag, .defaults("true"), "False where a teacher alone is followed."),
        RecipeField("weight", .number(.above(0)), .defaults("1"), "Factor of this loss."),
        RecipeField("temperature", .number(.init(least: 0.001, most: 10)), .defaults("0.05"), "Or where it starts."),
        RecipeField("learnsTemperature", .flag, .defaults("false"), "Whether it is learned, between 0.01 and 1."),
        RecipeField("symmetric", .flag, .defaults("false"), "Whether positives look for queries, too."),
    ])

    private static let teacherCosine = RecipeShape.object([
        RecipeField("weight", .number(.above(0)), .defaults("1"), "Factor of this loss."),
        RecipeField(
            "size", .whole(.atLeast(1)), .optional, "First components that take part; as many as the teacher has."),
        RecipeField("head", .flag, .defaults("false"), "Whether a learned matrix maps them to the teacher's space."),
    ])

    private static let teacherSimilarity = RecipeShape.object([
        RecipeField("weight", .number(.above(0)), .defaults("1"), "Factor of this loss."),
        RecipeField(
            "temperature", .number(.above(0)), .optional,
            "Of a Kullback-Leibler divergence; without it, the mean square difference."),
        RecipeField(
            "candidates", .choice(TeacherSimilarityLoss.Candidates.allCases.map(\.rawValue)), .defaults("\"batch\""),
            "What the cosines are with: the `batch`'s other vectors, at every size, or the `teacher`'s vectors, at their size, which do not move; `both` is the sum."
        ),
    ])

    private static let optimizer = RecipeShape.object([
        RecipeField("beta1", .number(.init(least: 0, most: 0.9999999)), .defaults("0.9"), "Decay of the first moment."),
        RecipeField(
            "beta2", .number(.init(least: 0, most: 0.9999999)), .defaults("0.999"), "Decay of the second moment."),
        RecipeField("epsilon", .number(.above(0)), .defaults("1e-8"), "Added to the root of the second moment."),
        RecipeField(
            "momentum", .number(.init(least: 0, most: 0.9999999)), .defaults("0.95"), "Momentum of groups under Muon."),
        RecipeField("decay", .number(.atLeast(0)), .defaults("0.01"), "Weight decay of matrices."),
        RecipeField("maxNorm", .number(.atLeast(0)), .defaults("1"), "Largest norm of the gradient; 0 does not clip."),
        RecipeField(
            "freeze", .list(.text, minimum: 0), .defaults("[]"),
            "Patterns of tensors that stay as they are, such as `text.embedding.*`."),
        RecipeField(
            "groups", .list(group, minimum: 0), .defaults("[]"), "Rates and decay by name; the first match counts."),
        RecipeField(
            "restUntouchedRows", .flag, .defaults("false"), "Whether embedding rows rest in steps that do not use them."
        ),
        RecipeField(
            "average", .number(.init(above: 0, most: 0.9999999)), .optional, "Decay of a moving average of the weights."
        ),
    ])

    private static let group = RecipeShape.object([
        RecipeField("pattern", .text, .required, "Tensor name, `*` for any characters."),
        RecipeField("rate", .number(.atLeast(0)), .defaults("1"), "Factor of the learning rate."),
        RecipeField("decay", .number(.atLeast(0)), .optional, "Instead of the optimiser's."),
        RecipeField(
            "method", .choice(["adamw", "muon"]), .defaults("\"adamw\""),
            "`muon` for matrices, where the first steps matter; vectors and token embeddings keep AdamW."),
    ])

    private static let schedule = RecipeShape.object([
        RecipeField("peak", .number(.above(0)), .required, "Highest learning rate."),
        RecipeField("decay", .choice(["constant", "linear", "cosine"]), .defaults("\"cosine\""), "How it falls."),
        RecipeField("warmUp", .number(.share), .defaults("0.05"), "Share of the steps in which it rises."),
        RecipeField("final", .number(.share), .defaults("0"), "Share of the peak that is left at the end."),
    ])

    private static let memory = RecipeShape.object([
        RecipeField(
            "keep", .choice(["everything", "blockInputs"]), .defaults("\"everything\""),
            "`blockInputs` computes blocks again: less memory, a third more arithmetic."),
        RecipeField(
            "chunkTokens", .whole(.atLeast(1)), .defaults("4096"), "Tokens that pass at once (gradient caching)."),
    ])

    private static let evaluation = RecipeShape.object([
        RecipeField(
            "every", .whole(.atLeast(0)), .defaults("200"), "Steps between evaluations; 0 for before and after only."),
        RecipeField("heldOut", .number(.init(least: 0, most: 0.9)), .defaults("0.05"), "Share of pairs held out."),
        RecipeField(
            "pairs", .whole(.atLeast(1)), .defaults("1000"), "Held-out pairs of a data set that are used, at most."),
        RecipeField(
            "distractors", .whole(.atLeast(1)), .optional,
            "Pairs of the training, at most, whose contents a held-out one has to be told from, too: few held-out pairs alone are too easy."
        ),
        RecipeField(
            "sizes", .list(.whole(.atLeast(1)), minimum: 1), .optional, "Vector sizes; without it, those of the loss."),
        RecipeField(
            "metric", .choice(["recall@1", "recall@5", "recall@10", "mrr"]), .defaults("\"recall@1\""),
            "What decides which checkpoint is the best, at the largest size, mean over the data sets."),
        RecipeField(
            "patience", .whole(.atLeast(0)), .defaults("0"),
            "Evaluations without a better one after which a stage ends; 0 for never."),
        RecipeField(
            "data", .list(evaluationData, minimum: 1), .optional,
            "Data sets that are never trained on: retrieval as on held-out pairs."),
        RecipeField(
            "tasks", tasks, .optional, "Tasks of `castor evaluate`, measured before the first step and on the model."),
    ])

    /// The keys that say where pairs are and how they are read, as for data of a stage.
    private static let evaluationData: RecipeShape = {
        guard case .object(let fields) = data else { preconditionFailure("a data set is an object") }
        let shared: Set = [
            "name", "path", "format", "header", "query", "positive", "captions", "template", "swap", "prompt",
            "positivePrompt", "badShare",
        ]
        return .object(
            fields.filter { shared.contains($0.name) } + [
                RecipeField(
                    "decides", .flag, .defaults("true"),
                    "Whether it takes part in choosing the best checkpoint; false for a test set that is only reported."
                )
            ])
    }()

    private static let tasks = RecipeShape.object([
        RecipeField(
            "files", .list(.path, minimum: 1), .required, "Task files, or folders of them (docs/evaluation.md)."),
        RecipeField(
            "data", .path, .optional,
            "Folder that the tasks' file names start from; without it, each task file's own."),
        RecipeField("prompts", .flag, .defaults("false"), "Whether contents carry their task's prompts."),
        RecipeField("limit", .whole(.atLeast(1)), .optional, "Items of a task at most, spread evenly over its data."),
    ])
}

// MARK: - Documentation

extension RecipeSchema {
    /// The table of keys in docs/recipes.md; a test compares.
    package static var markdown: String {
        var lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
        append(root, "", to: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func append(_ shape: RecipeShape, _ path: String, to lines: inout [String]) {
        switch shape {
        case .object(let fields):
            for field in fields {
                let place = RecipeShape.join(path, field.name)
                let standard =
                    switch field.presence {
                    case .required: "required"
                    case .optional: ""
                    case .defaults(let json): json == "{}" ? "" : "`\(json)`"
                    }
                lines.append("| `\(place)` | \(field.shape.words) | \(standard) | \(field.note) |")
                append(field.shape, place, to: &lines)
            }
        case .list(let item, _): append(item, "\(path)[]", to: &lines)
        case .either(let shapes): for shape in shapes { append(shape, path, to: &lines) }
        default: break
        }
    }
}

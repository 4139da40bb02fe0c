import CastorNumerics
import Encoder

/// Times that need more of the library than its public face: a training step, vectors as JSON, products, a search, texts. `make bench-train` and
/// `make bench-serve` print the first two, `.build/release/Times products` and `Times search COUNT FOLDER` the next, `make bench-peers` drives the
/// last; they check nothing.
@main
struct Times {
    static func main() throws {
        switch CommandLine.arguments.dropFirst().first {
        case "step":
            let times = try StepTimes(tokensPerText: 16)
            try times.print(pairs: 256, maxChunkTokens: 16_384, keeping: .everything)
            try times.print(pairs: 256, maxChunkTokens: 4_096, keeping: .everything)
            try times.print(pairs: 256, maxChunkTokens: 16_384, keeping: .blockInputs)
            try times.print(pairs: 32, maxChunkTokens: 16_384, keeping: .everything)
            let longer = try StepTimes(tokensPerText: 32)
            for precision in [ProductPrecision.single, .bfloat16] where precision.isAvailable {
                try longer.print(pairs: 128, maxChunkTokens: 4_096, keeping: .everything, precision: precision)
            }
        case "writing": WritingTimes.print()
        case "products": try ProductTimes.print()
        case "search":
            let arguments = CommandLine.arguments.dropFirst(2)
            guard arguments.count == 2, let count = arguments.first.flatMap({ Int($0) }), let folder = arguments.last
            else { return Swift.print("usage: times search COUNT FOLDER") }
            try SearchTimes(count: count, folder: folder).print()
        case "texts":
            let arguments = CommandLine.arguments.dropFirst(2)
            guard arguments.count == 2, let model = arguments.first, let threads = arguments.last.flatMap({ Int($0) })
            else { return Swift.print("usage: times texts MODEL THREADS") }
            var times = try TextTimes(model: model, threads: threads)
            try times.serve()
        default: Swift.print("usage: times step|writing|products|search|texts")
        }
    }
}

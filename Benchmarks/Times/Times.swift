import Encoder

/// Times that need more of the library than its public face: a training step, and vectors as JSON. `make bench-train` and
/// `make bench-serve` print them; they check nothing.
@main
struct Times {
    static func main() throws {
        switch CommandLine.arguments.dropFirst().first {
        case "step":
            let times = try StepTimes()
            try times.print(pairs: 256, maxChunkTokens: 16_384, keeping: .everything)
            try times.print(pairs: 256, maxChunkTokens: 4_096, keeping: .everything)
            try times.print(pairs: 256, maxChunkTokens: 16_384, keeping: .blockInputs)
            try times.print(pairs: 32, maxChunkTokens: 16_384, keeping: .everything)
        case "writing": WritingTimes.print()
        default: print("usage: times step|writing")
        }
    }
}

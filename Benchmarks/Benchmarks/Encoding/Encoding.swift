import Benchmark
import Castor

/// Every measurement of an encoder is followed by one of sgemm, so that their ratio holds on a machine whose speed drifts.
/// The model is castor-small, or the folder named by CASTOR_MODEL.
let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .gigaflops, .shareOfGEMM], warmupIterations: 2, maxDuration: .seconds(10),
        maxIterations: 30)

    for (tokens, count) in [(16, 256), (128, 32), (512, 8)] {
        Benchmark("text, \(tokens) tokens, \(count) at once") { benchmark in
            measure(benchmark, Workload.texts(tokens: tokens, count: count))
        }
    }
    Benchmark("text, 16 tokens, one") { benchmark in
        measure(benchmark, Workload.texts(tokens: 16, count: 1))
    }
    Benchmark("images, 640 x 480, decoding included, 32 at once") { benchmark in
        measure(benchmark, Workload.images(count: 32))
    }
    Benchmark("sounds, 5 s, decoding included, 16 at once") { benchmark in
        measure(benchmark, Workload.sounds(seconds: 5, count: 16))
    }
}

extension BenchmarkMetric {
    static let gigaflops = BenchmarkMetric.custom("GFLOP/s", polarity: .prefersLarger, useScalingFactor: false)
    static let shareOfGEMM = BenchmarkMetric.custom("% of sgemm", polarity: .prefersLarger, useScalingFactor: false)
}

private func measure(_ benchmark: Benchmark, _ workload: Workload) {
    // As long as needed for clocks and caches to tell something.
    let repeats = max(1, Int(2e9 / workload.operations))
    for _ in benchmark.scaledIterations {
        let clock = ContinuousClock()
        benchmark.startMeasurement()
        let elapsed = clock.measure { for _ in 0..<repeats { blackHole(workload.run()) } }
        benchmark.stopMeasurement()
        let rate = workload.operations * Double(repeats) / elapsed.seconds * 1e-9
        let reference = GEMM.gigaflops(seconds: elapsed.seconds)
        benchmark.measurement(.gigaflops, Int(rate.rounded()))
        benchmark.measurement(.shareOfGEMM, Int((100 * rate / reference).rounded()))
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

import Castor
import Foundation
import GeminiAPI
import HTTPTypes
import TestSupport
import Testing

/// How much longer a lone request takes than the library. A measurement, not a check: `make bench-serve` prints it.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["CASTOR_BENCH"] != nil, "only `make bench-serve` measures"))
struct LoneRequestTimes {
    @Test func beyondTheLibrary() async throws {
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let embedder = try Embedder(modelPath: "\(repository)/weights/castor-small")
        try embedder.warmUp()
        let text = "the quick brown fox jumps over the lazy dog near the river bank"
        try await TestServer.with(.socket, embedder: embedder) { client in
            let body = #"{"content":{"parts":[{"text":"\#(text)"}]}}"#
            var (library, served, steps): ([Double], [Double], [Double]) = ([], [], [])
            let clock = ContinuousClock()
            for _ in 0..<300 {
                library.append(try clock.measure { _ = try embedder.embed(Content(text)) }.milliseconds)
                var reply: Reply?
                served.append(try await clock.measure { reply = try await client.embed(body) }.milliseconds)
                #expect(reply?.status == 200)
                let timing = reply?.headers[.init("server-timing")!] ?? ""
                steps.append(
                    timing.split(separator: ", ").dropFirst().compactMap { Double($0.split(separator: "=")[1]) }
                        .reduce(0, +))
            }
            for (name, share) in [("median", 0.5), ("tenth percentile, which other processes disturb least", 0.1)] {
                print(
                    "one text of 16 tokens, \(library.count) times, \(name): library \(library.percentile(share)) ms, server "
                        + "over a socket \(served.percentile(share)) ms, of which decode and compute "
                        + "\(steps.percentile(share)) ms")
            }
        }
    }
}

extension Duration {
    fileprivate var milliseconds: Double { Double(components.seconds) * 1e3 + Double(components.attoseconds) * 1e-15 }
}

extension [Double] {
    fileprivate func percentile(_ share: Double) -> Double {
        (sorted()[Int(Double(count) * share)] * 100).rounded() / 100
    }
}

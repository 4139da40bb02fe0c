// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "benchmarks",
    dependencies: [
        // Named, because the identity of a path is its folder's name, which a clone chooses.
        .package(name: "castor", path: ".."),
        // Without traits: its malloc counter would need jemalloc.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.0", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "Encoding",
            dependencies: [
                .product(name: "Castor", package: "castor"),
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/Encoding",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
    ],
    swiftLanguageModes: [.v6]
)

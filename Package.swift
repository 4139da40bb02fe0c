// swift-tools-version: 6.1
import PackageDescription

/// Strictness every Swift target shares.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

func system(_ name: String, pkgConfig: String) -> Target {
    .systemLibrary(name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig)
}

let package = Package(
    name: "castor",
    products: [
        .library(name: "Castor", targets: ["Castor"]),
        .library(name: "Tokenizers", targets: ["Tokenizers"]),
        .executable(name: "castor", targets: ["CastorCLI"]),
        // For tests alone: preloaded into the program.
        .library(name: "PowerCut", type: .dynamic, targets: ["PowerCut"]),
    ],
    traits: [
        .trait(name: "OCR", description: "Text of PDF pages without a text layer, by Tesseract (libtesseract-dev)."),
        // Two thirds of a build's time are BoringSSL, which swift-nio-ssl carries.
        .trait(name: "TLS", description: "castor serve --tls-cert --tls-key."),
        .trait(name: "MPI", description: "castor train on several processes, by Open MPI (libopenmpi-dev)."),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        // The server's, all behind the target GeminiAPI.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // C libraries, one module each.
        system("CWebP", pkgConfig: "libwebp"),
        system("CEXIF", pkgConfig: "libexif"),
        system("CSndfile", pkgConfig: "sndfile"),
        system("CGIF", pkgConfig: "libgif"),
        system("CNettle", pkgConfig: "nettle"),
        .target(name: "CJPEG", path: "Sources/System/CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
        .target(
            name: "CPNG", path: "Sources/System/CPNG",
            linkerSettings: [.linkedLibrary("png16"), .linkedLibrary("z")]),
        .target(name: "COpenBLAS", path: "Sources/System/COpenBLAS"),
        .target(name: "CHEIF", path: "Sources/System/CHEIF"),
        .target(name: "CFFmpeg", path: "Sources/System/CFFmpeg"),
        .target(name: "CZlib", path: "Sources/System/CZlib", linkerSettings: [.linkedLibrary("z")]),
        .target(name: "CWorker", path: "Sources/System/CWorker"),
        .target(name: "CMapping", path: "Sources/System/CMapping"),
        .target(
            name: "CMPI", path: "Sources/System/CMPI", cSettings: [.define("CASTOR_MPI", .when(traits: ["MPI"]))],
            linkerSettings: [.linkedLibrary("mpi", .when(traits: ["MPI"]))]),
        .target(
            name: "CPoppler", dependencies: ["CWorker", "CZlib"], path: "Sources/System/CPoppler",
            cSettings: [.define("CASTOR_OCR", .when(traits: ["OCR"]))]),
        .target(
            name: "CSentencePiece", path: "Sources/System/CSentencePiece",
            linkerSettings: [.linkedLibrary("sentencepiece")]),

        .target(name: "COniguruma", path: "Sources/System/COniguruma"),
        .target(name: "CUTF8Proc", path: "Sources/System/CUTF8Proc"),

        // The library, in the order data flows.
        // Prefixed, because a package graph may hold only one module `Numerics`, and that is swift-numerics'.
        .target(name: "CKernels", path: "Sources/Kernels"),
        .target(name: "Hashing", dependencies: ["CNettle"], swiftSettings: strict),
        // Prefixed for the same reason.
        .target(name: "CastorJSON", path: "Sources/JSON", swiftSettings: strict),
        .target(
            name: "Tokenizers", dependencies: ["CastorJSON", "COniguruma", "CUTF8Proc"], swiftSettings: strict),
        .target(
            name: "CastorNumerics", dependencies: ["CKernels", "COpenBLAS"], path: "Sources/Numerics",
            swiftSettings: strict),
        .target(
            name: "Media",
            dependencies: [
                "CJPEG", "CPNG", "CWebP", "CGIF", "CHEIF", "CEXIF", "CSndfile", "CFFmpeg", "CPoppler", "CWorker",
                "CZlib",
            ],
            swiftSettings: strict),
        .target(name: "Encoder", dependencies: ["CastorNumerics", "CSentencePiece"], swiftSettings: strict),
        // Open checkpoints as model folders.
        .target(
            name: "Checkpoints", dependencies: ["CastorJSON", "Encoder", "Tokenizers"], swiftSettings: strict),
        .target(
            name: "Castor",
            dependencies: ["CastorJSON", "CastorNumerics", "Checkpoints", "Encoder", "Media", "Tokenizers"],
            swiftSettings: strict),
        // Vectors in memory and in files: neighbours, prefixes, rows in eight bits.
        .target(name: "Vectors", dependencies: ["CKernels", "CastorNumerics"], swiftSettings: strict),
        .target(
            name: "Evaluation", dependencies: ["CastorJSON", "CastorNumerics", "Castor", "Vectors"],
            swiftSettings: strict),
        .target(name: "Report", swiftSettings: strict),
        .target(
            name: "Comparison",
            dependencies: [
                "Castor", "CastorJSON", "CastorNumerics", "Encoder", "Evaluation", "Media", "Report", "Vectors",
            ],
            swiftSettings: strict),
        .target(
            name: "Training",
            dependencies: [
                "Castor", "CastorJSON", "CastorNumerics", "CMPI", "Encoder", "Evaluation", "Hashing", "Media", "Report",
                "Vectors",
            ],
            swiftSettings: strict),
        // Folders, files and a database that survive a crash.
        .target(
            name: "Store", dependencies: [.product(name: "GRDB", package: "GRDB.swift")], swiftSettings: strict),
        // An index of files, and what is found in it. Knows no HTTP.
        .target(
            name: "Search",
            dependencies: [
                "Castor", "CastorNumerics", "CMapping", "Encoder", "Hashing", "Media", "Store", "Vectors",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        // What the server remembers. Knows no HTTP and no model.
        .target(
            name: "ServerState",
            dependencies: ["Hashing", "Store", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(
            name: "GeminiAPI",
            dependencies: [
                "Castor", "CastorJSON", "CastorNumerics", "CZlib", "Hashing", "Media", "Search", "ServerState", "Store",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird", condition: .when(traits: ["TLS"])),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["TLS"])),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            // The page of search is in the program: one file to install.
            resources: [.embedInCode("Search/Page")],
            swiftSettings: strict),
        .executableTarget(
            name: "CastorCLI",
            dependencies: [
                "Castor", "CastorJSON", "CastorNumerics", "Checkpoints", "Comparison", "Encoder", "Evaluation",
                "GeminiAPI", "Hashing", "Media", "Search", "ServerState", "Store", "Training", "Vectors",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),

        // Stands before fsync in what it is linked into, or loaded into.
        .target(name: "PowerCut", path: "Tests/PowerCut"),
        // What the benchmarks' own package, which sees the public face alone, cannot time.
        .executableTarget(
            name: "Times", dependencies: ["Castor", "CastorNumerics", "Encoder", "Search", "Training", "Vectors"],
            path: "Benchmarks/Times",
            swiftSettings: strict),

        // Mutated checkpoints, which the fuzzer's own package cannot import either.
        .executableTarget(
            name: "CheckpointFuzz", dependencies: ["Castor", "Checkpoints", "Encoder", "Tokenizers"],
            path: "Fuzzing/Sources",
            sources: [
                "checkpoint-fuzz", "castor-fuzz/InputFile.swift", "castor-fuzz/Mutation.swift",
                "castor-fuzz/Progress.swift", "castor-fuzz/TokenizerRun.swift",
            ],
            swiftSettings: strict),

        .target(
            name: "TestSupport", dependencies: ["CastorNumerics", "Encoder", "Evaluation", "PowerCut", "Vectors"],
            path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(name: "JSONTests", dependencies: ["CastorJSON", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "TokenizersTests", dependencies: ["CastorJSON", "Tokenizers"], exclude: ["Fixtures"],
            swiftSettings: strict),
        // Loads OpenBLAS anew, which a process can do once.
        .executableTarget(
            name: "KernelHelper", dependencies: ["CastorNumerics"], path: "Tests/KernelHelper", swiftSettings: strict),
        .testTarget(
            name: "NumericsTests", dependencies: ["CastorNumerics", "KernelHelper", "TestSupport"],
            swiftSettings: strict),
        // Decodes one file with bounds on its memory and processor time, which are a process's own.
        .executableTarget(
            name: "MediaHelper", dependencies: ["Media"], path: "Tests/MediaHelper", swiftSettings: strict),
        // Decoders that do what a file tells them, in the tests' own processes.
        .target(name: "DecoderFaults", path: "Tests/DecoderFaults"),
        .testTarget(
            name: "MediaTests", dependencies: ["DecoderFaults", "Media", "MediaHelper"], exclude: ["Fixtures"],
            swiftSettings: strict),
        .testTarget(
            name: "EncoderTests", dependencies: ["CastorNumerics", "Encoder", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "CheckpointsTests",
            dependencies: ["CastorNumerics", "Checkpoints", "Encoder", "Hashing", "Media", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "CastorTests",
            dependencies: ["Castor", "CastorNumerics", "Checkpoints", "Encoder", "Media", "TestSupport"],
            swiftSettings: strict),
        .testTarget(name: "CLITests", dependencies: ["Castor", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Castor", "CastorJSON", "CastorNumerics", "Checkpoints", "Encoder", "Evaluation", "Media",
                "TestSupport",
                "Training",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "EvaluationTests",
            dependencies: ["Castor", "CastorCLI", "CastorNumerics", "Evaluation", "TestSupport", "Vectors"],
            exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "VectorsTests", dependencies: ["CastorNumerics", "TestSupport", "Vectors"], swiftSettings: strict),
        .testTarget(
            name: "SearchTests",
            dependencies: [
                "Castor", "CastorNumerics", "Search", "TestSupport", "Vectors",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        // Killed again and again by the crash test.
        .executableTarget(
            name: "ServerStateHelper", dependencies: ["PowerCut", "ServerState", "Store"],
            path: "Tests/ServerStateHelper",
            swiftSettings: strict),
        .testTarget(
            name: "ServerStateTests",
            dependencies: ["Hashing", "ServerState", "ServerStateHelper", "Store", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "GeminiAPITests",
            dependencies: [
                "Castor", "GeminiAPI", "Media", "Search", "ServerState", "TestSupport",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ComparisonTests",
            dependencies: [
                "CastorNumerics", "Comparison", "Encoder", "Evaluation", "Report", "TestSupport", "Vectors",
            ],
            exclude: ["Fixtures"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

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
        .executable(name: "castor", targets: ["CastorCLI"]),
    ],
    traits: [
        .trait(name: "OCR", description: "Text of PDF pages without a text layer, by Tesseract (libtesseract-dev).")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
    ],
    targets: [
        // C libraries, one module each.
        system("COpenBLAS", pkgConfig: "openblas"),
        system("CTurboJPEG", pkgConfig: "libturbojpeg"),
        system("CWebP", pkgConfig: "libwebp"),
        system("CHEIF", pkgConfig: "libheif"),
        system("CEXIF", pkgConfig: "libexif"),
        system("CSndfile", pkgConfig: "sndfile"),
        system("CGIF", pkgConfig: "libgif"),
        .target(name: "CPNG", path: "Sources/System/CPNG", linkerSettings: [.linkedLibrary("png16")]),
        .target(name: "CFFmpeg", path: "Sources/System/CFFmpeg"),
        .target(
            name: "CPoppler", path: "Sources/System/CPoppler",
            cSettings: [.define("CASTOR_OCR", .when(traits: ["OCR"]))]),
        .target(
            name: "CSentencePiece", path: "Sources/System/CSentencePiece",
            linkerSettings: [.linkedLibrary("sentencepiece")]),

        // The library, in the order data flows.
        // Prefixed, because a package graph may hold only one module `Numerics`, and that is swift-numerics'.
        .target(
            name: "CastorNumerics", dependencies: ["COpenBLAS"], path: "Sources/Numerics", swiftSettings: strict),
        .target(
            name: "Media",
            dependencies: ["CTurboJPEG", "CPNG", "CWebP", "CGIF", "CHEIF", "CEXIF", "CSndfile", "CFFmpeg", "CPoppler"],
            swiftSettings: strict),
        .target(name: "Encoder", dependencies: ["CastorNumerics", "CSentencePiece"], swiftSettings: strict),
        .target(name: "Castor", dependencies: ["CastorNumerics", "Media", "Encoder"], swiftSettings: strict),
        .target(
            name: "Training", dependencies: ["Castor", "CastorNumerics", "Encoder", "Media"], swiftSettings: strict),
        .target(name: "Evaluation", dependencies: ["CastorNumerics", "Castor"], swiftSettings: strict),
        .executableTarget(
            name: "CastorCLI",
            dependencies: [
                "Castor", "CastorNumerics", "Encoder", "Evaluation", "Training",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .target(
            name: "TestSupport", dependencies: ["CastorNumerics", "Encoder"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .testTarget(name: "NumericsTests", dependencies: ["CastorNumerics", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "MediaTests", dependencies: ["Media"], exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "EncoderTests", dependencies: ["CastorNumerics", "Encoder", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "CastorTests", dependencies: ["Castor", "CastorNumerics", "Encoder", "Media", "TestSupport"],
            swiftSettings: strict),
        .testTarget(name: "CLITests", dependencies: ["Castor"], swiftSettings: strict),
        .testTarget(
            name: "TrainingTests",
            dependencies: ["Castor", "CastorNumerics", "Encoder", "Media", "TestSupport", "Training"],
            swiftSettings: strict),
        .testTarget(
            name: "EvaluationTests",
            dependencies: ["Castor", "CastorCLI", "CastorNumerics", "Evaluation", "TestSupport"],
            exclude: ["Fixtures"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

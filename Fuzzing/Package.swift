// swift-tools-version: 6.1
import PackageDescription

/// A package of its own, so that users of the library build none of it.
let package = Package(
    name: "castor-fuzzing",
    dependencies: [.package(name: "castor", path: "..")],
    targets: [
        .executableTarget(
            name: "castor-fuzz",
            dependencies: [
                .product(name: "Castor", package: "castor"), .product(name: "Tokenizers", package: "castor"),
            ],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ])
    ],
    swiftLanguageModes: [.v6]
)

/// Compressed files, which are not read: by what they are known, and what unpacks them.
enum Compression: CaseIterable {
    case xz, gzip, zstandard, bzip2, zip

    private var ending: String {
        switch self {
        case .xz: ".xz"
        case .gzip: ".gz"
        case .zstandard: ".zst"
        case .bzip2: ".bz2"
        case .zip: ".zip"
        }
    }

    /// The first bytes of such a file.
    private var signature: [UInt8] {
        switch self {
        case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
        case .gzip: [0x1f, 0x8b]
        case .zstandard: [0x28, 0xb5, 0x2f, 0xfd]
        case .bzip2: [0x42, 0x5a, 0x68]
        case .zip: [0x50, 0x4b, 0x03, 0x04]
        }
    }

    /// Keeps the packed file.
    private var command: String {
        switch self {
        case .xz: "xz -dk"
        case .gzip: "gunzip -k"
        case .zstandard: "zstd -d"
        case .bzip2: "bunzip2 -k"
        case .zip: "unzip"
        }
    }

    init?(fileName: String) {
        let name = fileName.lowercased()
        guard let kind = Self.allCases.first(where: { name.hasSuffix($0.ending) }) else { return nil }
        self = kind
    }

    /// By its first bytes, whatever its name is. A text that begins with BZh or PK is none.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard
            let kind = Self.allCases.first(where: {
                bytes.starts(with: $0.signature) && !bytes.prefix(64).allSatisfy { $0 >= 9 && $0 < 0x80 }
            })
        else { return nil }
        self = kind
    }

    func advice(_ path: String) -> String {
        "is compressed, and only plain files are read: unpack it with `\(command) \(path)` and name the file that this makes"
    }
}

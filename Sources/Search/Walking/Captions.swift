import Glibc

/// A file beside a picture that may say what it shows.
package struct FoundCaption: Sendable, Equatable {
    package var path: RawPath
    package var version: FileVersion
    var identity: FileIdentity

    init(_ path: RawPath, _ status: stat) {
        self.path = path
        version = FileVersion(status)
        identity = FileIdentity(status)
    }

    init(_ path: RawPath, _ version: FileVersion, _ identity: FileIdentity) {
        self.path = path
        self.version = version
        self.identity = identity
    }

    /// What is remembered of it where the picture's item is made of both, to see at the next look whether it is as it was.
    var mark: [UInt8] {
        [version.size, version.modified, version.inode].flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
            + path.bytes
    }

    /// Whose mark it is; nil of one that was refused.
    static func path(ofMark mark: [UInt8]) -> RawPath? {
        let numbers = 24
        return mark.count > numbers && mark[numbers] == UInt8(ascii: "/")
            ? RawPath(bytes: Array(mark[numbers...])) : nil
    }

    /// The same where it is not: the picture is none, or the file no caption. Then it has items of its own.
    var markOfRefused: [UInt8] { [0] + mark }
}

/// A file that belongs to a picture, unless no picture takes it.
struct FoundText: Sendable {
    var file: FoundFile
    var identity: FileIdentity
    /// Whether it has no other name but by links.
    var isSingle: Bool
}

/// Which files of a folder belong to pictures beside them, by their names: `beach.jpg.txt`, `beach.txt`, the same with `.caption`, as training data
/// has them, and with `.xmp`, as programs for photos write them.
struct Captions {
    private var ofPictures: [RawPath: FoundCaption] = [:]
    private var taken: Set<RawPath> = []

    private static let pictureEndings: Set = [
        "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "heic", "heif", "avif",
    ]
    private static let endings = [".txt", ".caption", ".xmp"]

    /// Of no folder.
    init() {}

    init(_ found: [(path: RawPath, status: stat)]) {
        let files = Dictionary(found.map { ($0.path, $0.status) }, uniquingKeysWith: { first, _ in first })
        for (path, status) in found where status.st_mode & S_IFMT == S_IFREG {
            for name in Self.names(for: path) {
                guard let status = files[name], status.st_mode & S_IFMT == S_IFREG else { continue }
                ofPictures[path] = FoundCaption(name, status)
                taken.insert(name)
                break
            }
        }
    }

    func caption(of path: RawPath) -> FoundCaption? { ofPictures[path] }
    /// Whether it is beside a picture that it may be the caption of.
    func mayBeTaken(_ path: RawPath) -> Bool { taken.contains(path) }

    /// Where a caption may be, the first choice first; nowhere for what has no picture's name.
    static func names(for path: RawPath) -> [RawPath] {
        let ending = path.fileExtension
        guard pictureEndings.contains(ending) else { return [] }
        let stem = path.bytes.dropLast(ending.utf8.count + 1)
        return endings.flatMap { ending in
            [path.bytes, Array(stem)].flatMap { start in
                [ending, ending.uppercased()].map { RawPath(bytes: start + $0.utf8) }
            }
        }
    }
}

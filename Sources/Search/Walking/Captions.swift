import Glibc

/// A file beside a picture that says what it shows.
package struct FoundCaption: Sendable, Equatable {
    package var path: RawPath
    package var version: FileVersion

    /// What is remembered of it, to see at the next look whether it is as it was.
    var mark: [UInt8] {
        [version.size, version.modified, version.inode].flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
            + path.bytes
    }
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
        for (path, _) in found {
            for name in Self.names(for: path) {
                guard let status = files[name], status.st_mode & S_IFMT == S_IFREG else { continue }
                ofPictures[path] = FoundCaption(path: name, version: FileVersion(status))
                taken.insert(name)
                break
            }
        }
    }

    func caption(of path: RawPath) -> FoundCaption? { ofPictures[path] }
    func isTaken(_ path: RawPath) -> Bool { taken.contains(path) }

    /// Where a caption may be, the first choice first; nowhere for what has no picture's name.
    static func names(for path: RawPath) -> [RawPath] {
        let ending = path.fileExtension
        guard pictureEndings.contains(ending) else { return [] }
        let stem = path.bytes.dropLast(ending.utf8.count + 1)
        return endings.flatMap { [RawPath(bytes: path.bytes + $0.utf8), RawPath(bytes: Array(stem) + $0.utf8)] }
    }
}

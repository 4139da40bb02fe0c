import Castor
import Glibc

/// A file's name with the folders above it, as the file system has it: bytes, which need not be UTF-8.
package struct RawPath: Sendable, Hashable, Comparable {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    package init(_ path: String) {
        bytes = Array(path.utf8)
    }

    /// For people: what is not UTF-8 is replaced, what a terminal would obey is written out.
    package var printable: String { String(decoding: bytes, as: UTF8.self).printable }

    /// nil where it is not UTF-8.
    package var text: String? { String(validating: bytes, as: UTF8.self) }

    package static func < (left: RawPath, right: RawPath) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }

    package func withCString<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        try (bytes + [0]).withUnsafeBytes { try body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
    }

    /// With a name below it.
    package func appending(_ name: some Collection<UInt8>) -> RawPath {
        var path = bytes
        if path.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
        return RawPath(bytes: path + Array(name))
    }

    /// The part behind the last slash.
    package var name: ArraySlice<UInt8> {
        bytes.lastIndex(of: UInt8(ascii: "/")).map { bytes[($0 + 1)...] } ?? bytes[...]
    }

    /// Lower case, without the dot; empty where there is none.
    package var fileExtension: String {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return "" }
        return String(decoding: name[(dot + 1)...], as: UTF8.self).lowercased()
    }

    /// Whether it is `folder` or below it.
    package func isInside(_ folder: RawPath) -> Bool {
        if folder.bytes == [UInt8(ascii: "/")] { return true }
        return bytes.starts(with: folder.bytes)
            && (bytes.count == folder.bytes.count || bytes[folder.bytes.count] == UInt8(ascii: "/"))
    }

    /// What is below it lies between these: `folder/` and `folder0`, the byte behind the slash.
    var range: (from: [UInt8], to: [UInt8]) {
        bytes == [UInt8(ascii: "/")]
            ? (bytes, [UInt8(ascii: "/") + 1])
            : (bytes + [UInt8(ascii: "/")], bytes + [UInt8(ascii: "/") + 1])
    }

    /// Whether there is anything of this name, or may be.
    var exists: Bool {
        var status = stat()
        return withCString { stat($0, &status) } == 0 || errno != ENOENT && errno != ENOTDIR
    }

    /// Absolute, without links in it; nil where there is nothing of this name.
    package var resolved: RawPath? {
        withCString { path in
            guard let found = realpath(path, nil) else { return nil }
            defer { free(found) }
            return RawPath(bytes: Array(UnsafeRawBufferPointer(start: found, count: strlen(found))))
        }
    }

    /// Absolute, also where there is nothing of this name; `.` and `..` are taken out of it as they are written.
    package var absolute: RawPath { resolved ?? written }

    /// All names by which a file that was named may be known: as it is written, with the links on the way to it followed, and with its own, too.
    package var spellings: [RawPath] {
        var names = [absolute, written]
        if let slash = written.bytes.lastIndex(of: UInt8(ascii: "/")), slash > 0,
            let folder = RawPath(bytes: Array(written.bytes[..<slash])).resolved
        {
            names.append(folder.appending(written.name))
        }
        return Array(Set(names)).sorted()
    }

    /// Absolute, links left as they are.
    private var written: RawPath {
        var path = bytes
        if path.first != UInt8(ascii: "/"), let folder = getcwd(nil, 0) {
            defer { free(folder) }
            path = Array(UnsafeRawBufferPointer(start: folder, count: strlen(folder))) + [UInt8(ascii: "/")] + path
        }
        var parts: [ArraySlice<UInt8>] = []
        for part in path.split(separator: UInt8(ascii: "/")) {
            switch Array(part) {
            case [UInt8(ascii: ".")]: break
            case [UInt8(ascii: "."), UInt8(ascii: ".")]: _ = parts.popLast()
            default: parts.append(part)
            }
        }
        return RawPath(bytes: [UInt8(ascii: "/")] + parts.joined(separator: [UInt8(ascii: "/")]))
    }
}

import Encoder
import Glibc

/// SHA-256 (FIPS 180-4): the name of data that others can check with `sha256sum`.
package struct SHA256: Sendable {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    private var rest: [UInt8] = []
    private var byteCount: UInt64 = 0

    /// First 32 bits of the fractional parts of the cube roots of the first 64 primes.
    private static let k: [UInt32] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
        0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
        0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
        0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
        0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
        0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
        0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
    ]

    package init() {}

    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        byteCount += UInt64(bytes.count)
        var offset = 0
        if !rest.isEmpty {
            offset = min(64 - rest.count, bytes.count)
            rest += bytes[..<offset]
            guard rest.count == 64 else { return }
            let block = rest
            block.withUnsafeBytes { compress($0) }
            rest = []
        }
        while offset + 64 <= bytes.count {
            compress(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + 64]))
            offset += 64
        }
        rest += bytes[offset...]
    }

    package mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }

    /// 64 lower-case hexadecimal digits.
    package func finish() -> String {
        var copy = self
        var padding = [UInt8](repeating: 0, count: (rest.count < 56 ? 56 : 120) - rest.count)
        padding[0] = 0x80
        withUnsafeBytes(of: (byteCount &* 8).bigEndian) { padding += $0 }
        padding.withUnsafeBytes { copy.add($0) }
        return copy.state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    package static func of(_ text: String) -> String {
        var hash = SHA256()
        hash.add(text)
        return hash.finish()
    }

    private mutating func compress(_ block: UnsafeRawBufferPointer) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { w in
            for i in 0..<16 {
                w[i] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self))
            }
            for i in 16..<64 {
                let (a, b) = (w[i - 15], w[i - 2])
                let s0 = rotated(a, 7) ^ rotated(a, 18) ^ a >> 3
                let s1 = rotated(b, 17) ^ rotated(b, 19) ^ b >> 10
                w[i] = w[i - 16] &+ s0 &+ w[i - 7] &+ s1
            }
            var (a, b, c, d) = (state[0], state[1], state[2], state[3])
            var (e, f, g, h) = (state[4], state[5], state[6], state[7])
            Self.k.withUnsafeBufferPointer { k in
                for i in 0..<64 {
                    let s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
                    let t1 = h &+ s1 &+ (e & f ^ ~e & g) &+ k[i] &+ w[i]
                    let s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
                    let t2 = s0 &+ (a & b ^ a & c ^ b & c)
                    (h, g, f, e, d, c, b, a) = (g, f, e, d &+ t1, c, b, a, t1 &+ t2)
                }
            }
            for (index, value) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= value }
        }
    }

    @inline(__always)
    private func rotated(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
}

extension SHA256 {
    /// Of everything that a data set reads. A file or folder alone as ``of(path:)``; where a JSONL names pictures and sounds, or
    /// vectors of a teacher lie beside the data, that of lines `HASH  PATH`: of the data file, then of all those files in the order
    /// of their paths, as the data name them.
    package static func of(_ set: DataSet) throws(RunError) -> String {
        let source = set.source
        let teachers = [source.queryTeacher, source.positiveTeacher].compactMap { $0 }
        let media = source.format == .jsonl ? set.mediaPaths : []
        guard !teachers.isEmpty || !media.isEmpty else { return try of(path: source.path) }
        var files = Set(media).map { (name: $0, path: $0.hasPrefix("/") ? $0 : "\(source.folder)/\($0)") }
        files += Set(teachers).map { (name: lastComponent($0), path: $0) }
        var lines = ["\(try of(path: source.path))  \(lastComponent(source.path))\n"]
        for entry in files.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            lines.append("\(try file(entry.path))  \(entry.name)\n")
        }
        return of(lines.joined())
    }

    private static func lastComponent(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// Of a file; of a folder, that of the lines `HASH  PATH` of all its files in the order of their paths, as
    /// `find . -type f | sort | xargs sha256sum | sha256sum` would have it (bytes compared, paths without `./`).
    package static func of(path: String) throws(RunError) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .data(.notFound(path: path)) }
        guard status.st_mode & S_IFMT == S_IFDIR else { return try file(path) }
        var hash = SHA256()
        for name in files(path, "").sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            hash.add("\(try file("\(path)/\(name)"))  \(name)\n")
        }
        return hash.finish()
    }

    private static func file(_ path: String) throws(RunError) -> String {
        do {
            let file = try MappedFile(path: path)
            return withExtendedLifetime(file) {
                var hash = SHA256()
                hash.add(file.bytes)
                return hash.finish()
            }
        } catch { throw .model(error) }
    }

    private static func files(_ root: String, _ prefix: String) -> [String] {
        guard let directory = opendir(prefix.isEmpty ? root : "\(root)/\(prefix)") else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix(".") else { continue }
            let path = prefix.isEmpty ? name : "\(prefix)/\(name)"
            var status = stat()
            guard stat("\(root)/\(path)", &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                names += files(root, path)
            } else if status.st_mode & S_IFMT == S_IFREG {
                names.append(path)
            }
        }
        return names
    }
}

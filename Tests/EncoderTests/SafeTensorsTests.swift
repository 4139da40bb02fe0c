import CastorNumerics
import Encoder
import Glibc
import TestSupport
import Testing

@Suite struct SafeTensorsTests {
    @Test func whatIsWrittenIsRead() throws {
        try Folders.withTemporary { folder in
            var random = SeededRandom(seed: 7)
            let values = Matrix(rows: 3, columns: 5, values: random.floats(15))
            let tensors = [
                NamedTensor(name: "a.weight", shape: [3, 5], values: values),
                NamedTensor(name: "b \"quoted\" ü", shape: [15], values: values),
                NamedTensor(name: "empty", shape: [0, 4], values: Matrix(rows: 0, columns: 4)),
            ]
            for (type, tolerance) in [(ScalarType.f32, Tolerance.equalBits), (.f16, Tolerance("half", 5e-4))] {
                let path = "\(folder)/\(type).safetensors"
                try SafeTensors.write(tensors, metadata: ["castor.state": "untrained"], as: type, to: path)
                let file = try SafeTensors(path: path)
                #expect(file.metadata == ["castor.state": "untrained"])
                #expect(
                    file.entries.mapValues(\.shape) == ["a.weight": [3, 5], "b \"quoted\" ü": [15], "empty": [0, 4]])
                var read = [Float](repeating: 0, count: 15)
                let bytes = UnsafeRawBufferPointer(rebasing: file.file.bytes[file.entries["a.weight"]!.range])
                if type == .f32 {
                    read = bytes.bindMemory(to: Float.self).map { $0 }
                } else {
                    convertHalf(bytes.baseAddress!, into: &read, count: 15)
                }
                expectClose(read, values.values, tolerance, "\(type)")
            }
        }
    }

    @Test func aFileAppearsWholeOrNotAtAll() throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/x.safetensors"
            try Folders.write([1, 2, 3], path)
            do {
                let file = try AtomicFile(path: path)
                try [UInt8](repeating: 9, count: 100).withUnsafeBytes { try file.write($0) }
                // Dropped without commit.
            }
            #expect(try Folders.read(path) == [1, 2, 3])
            #expect(throws: ModelError.self) {
                try SafeTensors.write([], metadata: [:], as: .f32, to: "\(folder)/missing/x.safetensors")
            }
        }
    }

    /// A file that was written is there after a power cut: its bytes, and its name, where there was an old one or none.
    @Test func aFileThatIsWrittenSurvivesAPowerCut() throws {
        let disk = try FragileDisk()
        try Folders.write([1], "\(disk.path)/old")
        try disk.cutAfter {
            for name in ["old", "new"] {
                let file = try AtomicFile(path: "\(disk.path)/\(name)")
                try [UInt8](repeating: 9, count: 100).withUnsafeBytes { try file.write($0) }
                try file.commit()
            }
            // Nobody promised anything of this one.
            try Folders.write([1], "\(disk.path)/unsynced")
        }
        for name in ["old", "new"] {
            #expect(try Folders.read("\(disk.path)/\(name)") == [UInt8](repeating: 9, count: 100))
        }
        #expect(throws: (any Error).self) { try Folders.read("\(disk.path)/unsynced") }
    }

    /// In a folder that others write to, a link of the temporary name is not written through.
    @Test func aLinkInTheWayIsNotFollowed() throws {
        try Folders.withTemporary { folder in
            try Folders.write([1, 2, 3], "\(folder)/precious")
            let path = "\(folder)/x"
            #expect(symlink("\(folder)/precious", "\(path).\(getpid()).partial") == 0)
            let file = try AtomicFile(path: path)
            try [UInt8]([9]).withUnsafeBytes { try file.write($0) }
            try file.commit()
            #expect(try Folders.read(path) == [9])
            #expect(try Folders.read("\(folder)/precious") == [1, 2, 3])
        }
    }

    /// Header text, bytes of data, and a word that the error must hold; nil for a good file.
    static let files: [(header: String, data: Int, error: String?)] = [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 8, nil),
        (#"{}"#, 0, nil),
        (#"{"__metadata__":{"k":"v"}}"#, 0, nil),
        (#"{"a":{"dtype":"F16","shape":[],"data_offsets":[0,2]}}"#, 2, nil),
        (#"{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,8]}}"#, 8, "F8_E4M3"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 7, "outside"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 9, "follow"),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, "needs 12"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, "outside"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, 8, "outside"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#, 8, "outside"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#, 8, "outside"),
        (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8, "impossible"),
        (#"{"a":{"dtype":"F32","shape":[-2,-1],"data_offsets":[0,8]}}"#, 8, "impossible"),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#, 8, "impossible"),
        (#"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}"#, 8, "axes"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551616]}}"#, 8, "header"),
        (#"{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,8]}}"#, 8, "header"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "gap"),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            8, "overlaps"
        ),
        (#"{"a":{"shape":[2],"data_offsets":[0,8]}}"#, 8, "header"),
        (#"{"a":"text"}"#, 0, "header"),
        (#"{"a":{"k":"v"}}"#, 0, "dtype"),
        (#"[1]"#, 0, "header"),
        (#"{"a":"#, 0, "header"),
        ("", 0, "header"),
        (String(repeating: "[", count: 1 << 20), 0, "header"),
    ]

    @Test(arguments: files.indices) func everyHeaderFieldIsChecked(index: Int) throws {
        let (header, data, expected) = Self.files[index]
        try Folders.withTemporary { folder in
            let size = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init)
            try Folders.write(size + header.utf8 + [UInt8](repeating: 1, count: data), "\(folder)/x")
            do throws(ModelError) {
                _ = try SafeTensors(path: "\(folder)/x")
                #expect(expected == nil, "\(header.prefix(200)) with \(data) bytes was accepted")
            } catch {
                #expect(expected != nil && error.description.contains(expected!), "\(error)")
            }
        }
    }

    @Test(arguments: [0, 1, 7, 8]) func aFileWithoutRoomForAHeaderIsRefused(size: Int) throws {
        try Folders.withTemporary { folder in
            try Folders.write([UInt8](repeating: 255, count: size), "\(folder)/x")
            #expect(throws: ModelError.self) { try SafeTensors(path: "\(folder)/x") }
        }
    }

    @Test func aHeaderOfTwoToTheSixtyBytesIsRefused() throws {
        try Folders.withTemporary { folder in
            let size = withUnsafeBytes(of: UInt64(1 << 60).littleEndian, Array.init)
            try Folders.write(size + Array("{}".utf8), "\(folder)/x")
            #expect(
                throws: ModelError.safeTensors(
                    path: "\(folder)/x", reason: "header size 1152921504606846976 is above the limit of 16777216 bytes")
            ) { try SafeTensors(path: "\(folder)/x") }
        }
    }

    /// Whatever single bytes of a real header become, the file is refused or read within its bounds.
    @Test func flippedBytesNeverCrash() throws {
        let original = try Folders.read("\(Folders.nano)/model.safetensors")
        let headerEnd = 8 + Int(original[0]) + Int(original[1]) << 8
        var random = SeededRandom(seed: 8)
        try Folders.withTemporary { folder in
            var refused = 0
            for _ in 0..<400 {
                var bytes = original
                for _ in 0...Int.random(in: 0...2, using: &random) {
                    bytes[Int.random(in: 0..<headerEnd, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                try Folders.write(bytes, "\(folder)/x")
                do {
                    let file = try SafeTensors(path: "\(folder)/x")
                    for entry in file.entries.values {
                        #expect(entry.range.upperBound <= bytes.count && entry.range.lowerBound >= 8)
                    }
                } catch { refused += 1 }
            }
            #expect(refused > 200)
        }
    }
}

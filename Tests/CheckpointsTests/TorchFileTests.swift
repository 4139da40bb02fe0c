import Checkpoints
import Encoder
import FoundationEssentials
import TestSupport
import Testing

private typealias Make = TorchFileMaker

/// Weights in torch's own files (tools/reference/make_torch_files.py), and files that only look like them.
@Suite struct TorchFileTests {
    private static let family = "\(Folders.fixtures)/families/bert"
    private static let torch = "\(Folders.fixtures)/torch"

    /// A copy of the tiny BERT without its weights, and what is put beside its configuration.
    private static func withFolder<Result>(
        _ files: [(name: String, bytes: [UInt8])], _ body: (String) throws -> Result
    ) throws -> Result {
        try Folders.withTemporary { folder in
            for name in ["config.json", "tokenizer.json"] {
                try Folders.write(try Folders.read("\(family)/\(name)"), "\(folder)/\(name)")
            }
            for file in files { try Folders.write(file.bytes, "\(folder)/\(file.name)") }
            return try body(folder)
        }
    }

    private static func weights(_ folder: String) throws -> [UInt8] {
        try Folders.withTemporary { out in
            try Checkpoint(path: folder).write(to: out)
            return try Folders.read("\(out)/model.safetensors")
        }
    }

    private static func fixtures(_ names: String...) throws -> [(name: String, bytes: [UInt8])] {
        try names.map { path in
            (path.split(separator: "/").last.map(String.init) ?? path, try Folders.read("\(torch)/\(path)"))
        }
    }

    @Test func torchsFilesGiveTheBitsOfSafetensors() throws {
        let expected = try Self.weights(Self.family)
        try Self.withFolder(try Self.fixtures("pytorch_model.bin")) { folder in
            let weights = try Self.weights(folder)
            #expect(weights == expected)
        }
        // In two files, of which one has matrices by columns.
        try Self.withFolder(
            try Self.fixtures(
                "sharded/pytorch_model.bin.index.json", "sharded/pytorch_model-00001-of-00002.bin",
                "sharded/pytorch_model-00002-of-00002.bin")
        ) { folder in
            let weights = try Self.weights(folder)
            #expect(weights == expected)
        }
    }

    @Test func safetensorsGoFirst() throws {
        let weights = try Folders.read("\(Self.family)/model.safetensors")
        try Self.withFolder([("model.safetensors", weights), ("pytorch_model.bin", Array("nothing".utf8))]) { folder in
            _ = try Checkpoint(path: folder)
        }
    }

    private static func error(_ file: [UInt8], isOfFile: Bool = true) throws -> String {
        try withFolder([("pytorch_model.bin", file)]) { folder in
            var message = "no error"
            do throws(CheckpointError) { _ = try Checkpoint(path: folder) } catch { message = error.description }
            let isNamed = message.contains("pytorch_model.bin: ") || !isOfFile && message.contains("tensor ")
            #expect(isNamed, "\(message)")
            return message
        }
    }

    // MARK: - Pickles

    @Test(arguments: [
        ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "exec"), ("builtins", "getattr"),
        ("torch", "load"), ("torch.storage", "_load_from_bytes"), ("torch._utils", "_rebuild_tensor_v3"),
        ("numpy.core.multiarray", "_reconstruct"), ("torch", "UntypedStorage"), ("collections", "defaultdict"),
    ]) func namesAreNotFollowed(module: String, name: String) throws {
        // What pickle makes of an object whose __reduce__ gives a function and its arguments.
        let call = Make.name(module, name) + Make.tuple([Make.text("touch executed")]) + [0x52]
        let message = try Self.error(Make.file(Make.stateDict([("weight", call)])))
        #expect(message.contains("it names \(module).\(name), which is not among"), "\(message)")
        #expect(message.contains("archive/data.pkl, byte "))
    }

    @Test(
        arguments: [
            // INST, OBJ, NEWOBJ, EXT1, BINGET of nothing, PERSID, STACK_GLOBAL, BYTEARRAY8, DUP, POP.
            (Array("(ios\nsystem\n".utf8), "the instruction 105"), ([0x28, 0x6f], "the instruction 111"),
            ([0x29, 0x29, 0x81], "the instruction 129"), ([0x82, 1], "the instruction 130"),
            ([0x68, 9], "value 9 before"),
            (Array("P0\n".utf8), "the instruction 80"), ([0x93], "the instruction 147"),
            ([0x96], "the instruction 150"),
            ([0x7d, 0x32], "the instruction 50"), ([0x30], "the instruction 48"), ([0x52], "its stack is empty"),
            ([0x28], "its stack is empty"), ([0x74], "it has no mark"), ([0x7d, 0x28, 0x85], "its stack is empty"),
            ([0x29], "not a dictionary"), ([0x7d, 0x7d], "not a dictionary"),
            ([0x7d, 0x4e, 0x62, 0x28], "its stack is empty"),
            ([0x58, 0xff, 0xff, 0xff, 0xff], "ends in the middle"), ([0x58, 1, 0, 0, 0, 0xff], "not UTF-8"),
            (Array("cos".utf8), "a name has no end"), ([0x4e, 0x29, 0x52], "calls something"),
            ([0x4e, 0x51], "names a storage"),
            ([0x4e, 0x4e, 0x62], "sets the state"), ([0x4e, 0x4e, 0x4e, 0x73], "sets an item"),
            ([0x7d, 0x28, 0x4e, 0x75], "has no value"), ([0x80, 4], "protocol 4"),
            (Make.name("collections", "OrderedDict") + Make.wholes([1]) + [0x52], "otherwise than torch.save"),
            (Make.name("torch", "FloatStorage") + [0x29, 0x52], "otherwise than torch.save"),
            (
                Make.name("torch._utils", "_rebuild_parameter") + Make.tuple([[0x4e], [0x89], [0x7d]]) + [0x52],
                "otherwise"
            ),
        ] as [([UInt8], String)]) func otherProgramsAreRefused(instructions: [UInt8], reason: String) throws
    {
        let message = try Self.error(Make.file(Make.program(instructions)))
        #expect(message.contains(reason), "\(message)")
    }

    @Test func memoryOfPicklesIsBounded() throws {
        // Tuples of the same two tuples, again and again: two to the power of the depth, if anyone looked at all.
        let laughs: [UInt8] =
            [0x29, 0x71, 0] + (0..<200).flatMap { _ in [0x68, 0, 0x68, 0, 0x86, 0x71, 0] as [UInt8] }
        #expect(try Self.error(Make.file(Make.program(laughs))).contains("nested more than 8 deep"))
        let deep = [UInt8](repeating: 0x85, count: 1_000_000)
        #expect(try Self.error(Make.file(Make.program([0x29] + deep))).contains("nested more than 8 deep"))
        let wide = [UInt8](repeating: 0x29, count: 1_000_000)
        #expect(try Self.error(Make.file(Make.program(wide))).contains("more values at once"))
        let marks = [UInt8](repeating: 0x28, count: 1_000_000)
        #expect(try Self.error(Make.file(Make.program(marks))).contains("more values at once"))
        var memo: [UInt8] = [0x4e]
        for index in 0..<UInt32(1_100_000) { memo += [0x72] + Make.bytes(index) }
        #expect(try Self.error(Make.file(Make.program(memo))).contains("more values at once"))
        let long = [UInt8](repeating: 0x4e, count: 17 << 20)
        #expect(try Self.error(Make.file(long)).contains("more than 16777216"))
    }

    @Test(arguments: [
        (Make.tensor(shape: [5]), "shape [5], strides [1] and offset 0 lies outside"),
        (Make.tensor(offset: 1), "offset 1 lies outside"), (Make.tensor(offset: -1), "offset -1 lies outside"),
        (Make.tensor(offset: 5, shape: [0]), "offset 5 lies outside"),
        (Make.tensor(shape: [-4], strides: [1]), "lies outside"), (Make.tensor(strides: [-1]), "lies outside"),
        (Make.tensor(strides: [2]), "lies outside"), (Make.tensor(shape: [2, 2], strides: [1]), "lies outside"),
        (Make.tensor(shape: [1 << 60, 1 << 60], strides: [0, 0]), "lies outside"),
        (Make.tensor(shape: [0, 1 << 60, 1 << 60], strides: [0, 0, 0]), "lies outside"),
        (Make.tensor(shape: [2], strides: [Int.max]), "lies outside"),
        (Make.tensor(offset: .max, shape: [2]), "lies outside"),
        (Make.tensor(shape: Array(repeating: 1, count: 9), strides: Array(repeating: 1, count: 9)), "lies outside"),
        (Make.tensor(Make.storage(count: 5)), "has 16 bytes, 5 values of F32"),
        (Make.tensor(Make.storage("LongStorage", count: 4)), "has 16 bytes, 4 values of I64"),
        (Make.tensor(Make.storage(count: 1 << 59), shape: [1 << 59]), "has 16 bytes"),
        (Make.tensor(Make.storage(count: -1)), "names a storage otherwise"),
        (Make.tensor(Make.storage(count: .max)), "names a storage otherwise"),
        (Make.tensor(Make.storage(key: "1", count: 4)), "archive/data/1 is missing"),
        (Make.tensor(Make.storage(key: "../data.pkl", count: 4)), "archive/data/../data.pkl is missing"),
    ]) func tensorsLieInTheirStorages(tensor: [UInt8], reason: String) throws {
        let message = try Self.error(Make.file(Make.stateDict([("weight", tensor)])))
        #expect(message.contains(reason), "\(message)")
    }

    @Test func tensorsAreThereOnce() throws {
        let twice = Make.stateDict([("weight", Make.tensor()), ("weight", Make.tensor())])
        #expect(try Self.error(Make.file(twice)).contains("the tensor weight is there twice"))
    }

    /// A tensor of four bytes is no table of a million rows, whatever its strides.
    @Test func otherStridesAreRefused() throws {
        let name = "embeddings.word_embeddings.weight"
        let tensor = Make.tensor(shape: [60, 20], strides: [0, 0])
        try Self.withFolder([("pytorch_model.bin", Make.file(Make.stateDict([(name, tensor)])))]) { folder in
            let error = #expect(throws: CheckpointError.self) { _ = try Checkpoint(path: folder) }
            #expect(
                error?.description.contains("tensor \(name): of shape [60, 20] is stored with strides [0, 0]") == true)
        }
    }

    // MARK: - Zip

    private static let pickle = Make.Member(name: "a/data.pkl", bytes: Make.stateDict([("weight", Make.tensor())]))
    private static let values = Make.Member(name: "a/data/0", bytes: [UInt8](repeating: 0, count: 16))

    private static func changed(_ member: Make.Member, _ change: (inout Make.Member) -> Void) -> [UInt8] {
        var changed = member
        change(&changed)
        return Make.zip([changed, values])
    }

    @Test(
        arguments: [
            ([], "is no zip file"), (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "git lfs pull"),
            (Array("<!doctype html>".utf8), "is no zip file"), (Make.zip([]), "0 members data.pkl"),
            (Make.zip([values]), "0 members data.pkl"),
            (Make.zip([pickle, Make.Member(name: "b/data.pkl", bytes: [])]), "2 members data.pkl"),
            (Make.zip([pickle, values, values]), "two members a/data/0"),
            (changed(pickle) { $0.method = 8 }, "a/data.pkl is compressed (method 8)"),
            (changed(pickle) { $0.flags = 1 }, "a/data.pkl is encrypted"),
            (changed(pickle) { $0.size = 1_000_000 }, "a/data.pkl of 1000000 bytes at byte 0 goes beyond"),
            (changed(pickle) { $0.size = .max }, "goes beyond"),
            (changed(pickle) { $0.start = 3 }, "a/data.pkl is not at byte 3"),
            (changed(pickle) { $0.start = .max - 1 }, "is not at byte"),
            (changed(pickle) { $0.nameInFront = "b/data.pkl" }, "is called b/data.pkl where it stands"),
            (
                Make.zip([pickle, values, Make.Member(name: "a/byteorder", bytes: Array("big".utf8))]),
                "not little-endian"
            ),
        ] as [([UInt8], String)]) func directoriesThatLieAreRefused(file: [UInt8], reason: String) throws
    {
        let message = try Self.error(file)
        #expect(message.contains(reason), "\(message)")
    }

    /// Every cut of a valid file is an error, and so is every number of its directory that is made large.
    @Test func damagedFilesAreRefused() throws {
        var wide = Self.values
        wide.isWide = true
        let valid = Make.zip([Self.pickle, wide], comment: "a comment")
        #expect(try Self.error(valid + [0]).contains("is no zip file"))
        for count in stride(from: 0, to: valid.count, by: 7) { _ = try Self.error(Array(valid[..<count])) }
        for place in max(0, valid.count - 300)..<valid.count {
            var damaged = valid
            damaged[place] ^= 0x80
            let message = try Self.error(damaged, isOfFile: false)
            #expect(message != "no error")
        }
        // It is read: what is wrong with it is that it is no BERT.
        try Self.withFolder([("pytorch_model.bin", valid)]) { folder in
            let error = #expect(throws: CheckpointError.self) { _ = try Checkpoint(path: folder) }
            #expect(error?.description.contains("embeddings.word_embeddings.weight: is missing") == true)
        }
    }

    @Test func theFormatBeforeIsNamed() throws {
        #expect(try Self.error(Folders.read("\(Self.torch)/legacy.bin")).contains("before version 1.6"))
    }
}

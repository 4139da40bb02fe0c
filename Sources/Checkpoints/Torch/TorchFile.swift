import Encoder

/// A state dict as `torch.save` writes it since version 1.6: a zip file of the pickle `data.pkl`, which names the tensors, and of a member for
/// each storage, whose bytes are the values. The pickle is read and not executed (``PickleReader``); values stay in the file, mapped.
struct TorchFile {
    let entries: [String: TensorFile.Entry]

    /// That of 10,000 tensors has about 1 MB.
    private static let maxPickleBytes = 16 << 20

    init(_ file: MappedFile) throws(CheckpointError) {
        func failure(_ reason: String) -> CheckpointError { .unreadable(path: file.path, reason: reason) }
        guard !file.bytes.starts(with: Self.legacyMark) else {
            throw failure(
                "is of torch's format before version 1.6; torch.save(torch.load(FILE, weights_only=True), FILE) writes the present one"
            )
        }
        let archive = try ZipArchive(file)
        let names = archive.members.keys.filter { $0.split(separator: "/").dropFirst().elementsEqual(["data.pkl"]) }
        guard names.count == 1, let name = names.first, let pickle = archive.members[name] else {
            throw failure("has \(names.count) members data.pkl, a state dict has one")
        }
        guard pickle.count <= Self.maxPickleBytes else {
            throw failure("\(name) has \(pickle.count) bytes, more than \(Self.maxPickleBytes)")
        }
        let folder = String(name.dropLast("data.pkl".count))
        if let order = archive.members["\(folder)byteorder"], !file.bytes[order].elementsEqual("little".utf8) {
            throw failure("\(folder)byteorder says that its values are not little-endian")
        }
        let tensors: [String: TorchTensor]
        do { tensors = try PickleReader.tensors(UnsafeRawBufferPointer(rebasing: file.bytes[pickle])) } catch {
            throw failure("\(name), byte \(error.position): \(error.reason)")
        }
        var entries: [String: TensorFile.Entry] = [:]
        for (name, tensor) in tensors {
            let storage = tensor.storage
            guard let member = archive.members["\(folder)data/\(storage.key)"] else {
                throw failure("tensor \(name): the member \(folder)data/\(storage.key) is missing")
            }
            let size = storage.type.byteCount
            guard member.count == storage.count * size else {
                throw failure(
                    "tensor \(name): \(folder)data/\(storage.key) has \(member.count) bytes, \(storage.count) values of \(storage.type.rawValue) are wanted"
                )
            }
            // Inside the storage, as the tensor is.
            let start = member.lowerBound + tensor.offset * size
            let isRows = if case .other = tensor.layout { false } else { true }
            entries[name] = TensorFile.Entry(
                type: storage.type, shape: tensor.shape, range: start..<start + (isRows ? tensor.count * size : 0),
                layout: tensor.layout)
        }
        self.entries = entries
    }

    /// The magic number, pickled.
    private static let legacyMark: [UInt8] = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9]
}

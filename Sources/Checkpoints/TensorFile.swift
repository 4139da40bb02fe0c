import Encoder

/// A file of tensors, mapped: safetensors or torch's own.
package struct TensorFile {
    package struct Entry {
        let type: ScalarType
        let shape: [Int]
        /// Bytes from the start of the file.
        package let range: Range<Int>
        var layout = TorchTensor.Layout.rows
    }

    let file: MappedFile
    let entries: [String: Entry]

    /// - Parameter name: whose ending tells the kind
    init(_ name: String, in folder: HubFolder) throws(CheckpointError) {
        file = try folder.file(name)
        try Self.refusePointer(file)
        guard name.hasSuffix(".safetensors") else {
            entries = try TorchFile(file).entries
            return
        }
        do {
            entries = try SafeTensors(file: file).entries.mapValues {
                Entry(type: $0.type, shape: $0.shape, range: $0.range)
            }
        } catch { throw CheckpointError(error) }
    }

    /// Git LFS leaves a few lines in the place of a large file.
    static func refusePointer(_ file: MappedFile) throws(CheckpointError) {
        guard !file.bytes.starts(with: pointerMark.utf8) else {
            throw .unreadable(
                path: file.path, reason: "is a pointer of Git LFS, and the file itself was not fetched: git lfs pull")
        }
    }

    private static let pointerMark = "version https://git-lfs.github.com/spec/"
}

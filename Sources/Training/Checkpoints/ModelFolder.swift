import Castor
import CastorNumerics
package import Encoder
import Glibc

/// Model folders that training writes.
package enum ModelFolder {
    /// Writes a model with the configuration and tokenizer of the folder at `template` and these weights. `README.md` is the
    /// caller's.
    ///
    /// - Parameters:
    ///   - parameters: the configuration's tensors; others are left out
    ///   - metadata: of the weights' file, beside `castor.state`, which becomes `trained`
    package static func write(
        _ parameters: ParameterStore, template: String, as type: ScalarType, metadata: [String: String] = [:],
        to folder: String
    ) throws(ModelError) {
        if let spec = try ImportedModel.spec(template) {
            return try writeImported(parameters, spec, template: template, metadata: metadata, to: folder)
        }
        let configuration = try Model.configuration(path: template)
        try make(folder)
        for name in [Model.configurationName, Model.tokenizerName] {
            try copy("\(template)/\(name)", to: "\(folder)/\(name)")
        }
        let names = configuration.tensorShapes.map(\.name)
        try SafeTensors.write(
            names.map { parameters.tensors[parameters.index(of: $0)!] },
            metadata: metadata.merging(["castor.state": "trained"]) { $1 }, as: type,
            to: "\(folder)/\(Model.weightsName)")
    }

    /// A model of format castor-2: what was trained in single precision, so that nothing of it is lost, the other tensors as they came.
    private static func writeImported(
        _ parameters: ParameterStore, _ spec: ModelSpec, template: String, metadata: [String: String],
        to folder: String
    ) throws(ModelError) {
        let file = try SafeTensors(path: "\(template)/\(Model.weightsName)")
        try make(folder)
        for name in [Model.configurationName, "tokenizer.json"] where access("\(template)/\(name)", F_OK) == 0 {
            try copy("\(template)/\(name)", to: "\(folder)/\(name)")
        }
        var tensors: [StreamedTensor] = []
        for (name, shape) in spec.tensorShapes() {
            if let index = parameters.index(of: name) {
                let values = parameters.tensors[index].values
                tensors.append(
                    StreamedTensor(name: name, type: .f32, shape: shape) { (sink) throws(ModelError) in
                        try sink(UnsafeRawBufferPointer(start: values.pointer, count: 4 * values.count))
                    })
            } else {
                guard let entry = file.entries[name] else { throw .tensor(name: name, reason: "missing") }
                tensors.append(
                    StreamedTensor(name: name, type: entry.type, shape: entry.shape) { (sink) throws(ModelError) in
                        try sink(UnsafeRawBufferPointer(rebasing: file.file.bytes[entry.range]))
                    })
            }
        }
        try SafeTensors.write(
            streaming: tensors, metadata: metadata.merging(["castor.state": "trained"]) { $1 },
            to: "\(folder)/\(Model.weightsName)")
    }

    private static func make(_ folder: String) throws(ModelError) {
        guard mkdir(folder, 0o755) == 0 ? syncNames(beside: folder) : errno == EEXIST else {
            throw .unreadable(path: folder, reason: "cannot be made: \(String(cString: strerror(errno)))")
        }
    }

    /// Removes what ``write(_:template:as:metadata:to:)`` made, and the folder if nothing else is in it.
    static func remove(_ folder: String) {
        for name in [Model.configurationName, Model.tokenizerName, "tokenizer.json", Model.weightsName] {
            unlink("\(folder)/\(name)")
        }
        rmdir(folder)
    }

    private static func copy(_ source: String, to target: String) throws(ModelError) {
        let bytes = try MappedFile(path: source)
        let file = try AtomicFile(path: target)
        try file.write(bytes.bytes)
        try file.commit()
    }
}

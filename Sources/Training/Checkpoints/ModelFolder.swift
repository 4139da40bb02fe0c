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
        let configuration = try Model.configuration(path: template)
        guard mkdir(folder, 0o755) == 0 ? syncNames(beside: folder) : errno == EEXIST else {
            throw .unreadable(path: folder, reason: "cannot be made: \(String(cString: strerror(errno)))")
        }
        for name in [Model.configurationName, Model.tokenizerName] {
            try copy("\(template)/\(name)", to: "\(folder)/\(name)")
        }
        let names = configuration.tensorShapes.map(\.name)
        try SafeTensors.write(
            names.map { parameters.tensors[parameters.index(of: $0)!] },
            metadata: metadata.merging(["castor.state": "trained"]) { $1 }, as: type,
            to: "\(folder)/\(Model.weightsName)")
    }

    /// Removes what ``write(_:template:as:metadata:to:)`` made, and the folder if nothing else is in it.
    static func remove(_ folder: String) {
        for name in [Model.configurationName, Model.tokenizerName, Model.weightsName] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }

    private static func copy(_ source: String, to target: String) throws(ModelError) {
        let bytes = try MappedFile(path: source)
        let file = try AtomicFile(path: target)
        try file.write(bytes.bytes)
        try file.commit()
    }
}

package import Encoder
import FoundationEssentials

/// Model folders of format castor-2, for those that change them.
package enum ImportedModel {
    /// What `config.json` of the folder at `path` says; nil where it is of another format.
    package static func spec(_ path: String) throws(ModelError) -> ModelSpec? {
        guard OpenedModel.format(path) == ModelSpec.format else { return nil }
        let file = try MappedFile(path: "\(path)/\(Model.configurationName)")
        return try ModelSpec(json: Data(file.bytes))
    }
}

extension Preparation {
    /// For the model of format castor-2 in the folder at `path`.
    package init(imported path: String, _ spec: ModelSpec, limits: Limits) throws(ModelError) {
        let tokenizer = try OpenedModel.tokenizer(path, spec)
        self.init(ImportedFrontEnd(spec: spec, tokenizer: tokenizer, options: ImportedModelOptions()), limits: limits)
    }
}

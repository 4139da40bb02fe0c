/// Which tensors of a checkpoint make one of the model's: the whole knowledge of a family about names.
///
/// A module is what a name has in front of `.weight` or `.bias`.
struct TensorNames {
    /// The model's name of the stack whose layers these are.
    var stack = "text"
    /// Of a layer's modules, `{}` standing for its number.
    var layer: String
    /// The checkpoint's modules whose rows follow each other in the model's, by its name inside a layer ("0.qkv").
    var inLayer: [String: [String]]
    /// The same for modules and tensors outside of layers, by the model's whole name.
    var others: [String: [String]]
    /// Tensors of which the first row alone is taken.
    var firstRows: Set<String> = []
    /// Tensors inside a layer that are rows of one for all layers, by the model's name inside the layer.
    var slicedByLayer: [String: String] = [:]
    /// What is computed of the sources, by the model's whole name or the one inside a layer.
    var made: [String: TensorMaking] = [:]

    /// The checkpoint's names for the model's tensor.
    func sources(of name: String) -> [String]? {
        if let whole = others[name] { return whole }
        guard let dot = name.lastIndex(of: ".") else { return nil }
        let (module, kind) = (String(name[..<dot]), String(name[name.index(after: dot)...]))
        if let modules = others[module] { return modules.map { "\($0).\(kind)" } }
        let prefix = "\(stack).layers."
        guard name.hasPrefix(prefix) else { return nil }
        let rest = name.dropFirst(prefix.count)
        guard let end = rest.firstIndex(of: ".") else { return nil }
        let own = layer.replacing("{}", with: rest[..<end])
        let inside = String(rest[rest.index(after: end)...])
        if let whole = inLayer[inside] { return whole.map { own + $0 } }
        guard let last = inside.lastIndex(of: ".") else { return nil }
        return inLayer[String(inside[..<last])]?.map { "\(own)\($0).\(kind)" }
    }

    /// How the model's tensor is computed of its sources, where it is not their rows.
    func making(of name: String) -> TensorMaking? {
        if let making = made[name] { return making }
        let prefix = "\(stack).layers."
        guard name.hasPrefix(prefix), let end = name.dropFirst(prefix.count).firstIndex(of: ".") else { return nil }
        return made[String(name[name.index(after: end)...])]
    }

    /// The one tensor for all layers that holds this one, and the layer.
    func slice(of name: String) -> (name: String, layer: Int)? {
        let prefix = "\(stack).layers."
        guard name.hasPrefix(prefix) else { return nil }
        let parts = name.dropFirst(prefix.count).split(separator: ".", maxSplits: 1)
        guard parts.count == 2, let layer = Int(parts[0]), let source = slicedByLayer[String(parts[1])] else {
            return nil
        }
        return (source, layer)
    }
}

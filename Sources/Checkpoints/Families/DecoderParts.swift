import Encoder

/// Which layers see all keys and which a window: `layer_types`, or every n-th.
struct LayerTypes {
    let isFull: [Bool]

    /// - Parameters:
    ///   - every: where the file does not say, one layer in so many sees all
    ///   - first: the first one that does
    init(_ hub: HubConfiguration, default every: Int, from first: Int = 0) throws(CheckpointError) {
        let count = try hub.int("num_hidden_layers", in: 1...256)
        let types = try hub.texts("layer_types")
        guard !types.isEmpty else {
            isFull = (0..<count).map { $0 % every == first }
            return
        }
        guard types.count == count else {
            throw hub.failure("layer_types", "has \(types.count) entries for \(count) layers")
        }
        var isFull: [Bool] = []
        for type in types {
            switch type {
            case "full_attention": isFull.append(true)
            case "sliding_attention": isFull.append(false)
            default: throw hub.failure("layer_types", "\"\(type)\" is not supported")
            }
        }
        self.isFull = isFull
    }
}

/// Bases of the rotary tables, by the names of older and newer files.
struct RopeBases {
    let full: Double
    let sliding: Double

    init(
        _ hub: HubConfiguration, full: String = "rope_theta", _ fullDefault: Double = 10_000,
        sliding: String = "rope_local_base_freq", _ slidingDefault: Double? = nil
    ) throws(CheckpointError) {
        var bases = (try hub.optionalNumber(full) ?? fullDefault, try hub.optionalNumber(sliding) ?? slidingDefault)
        for key in ["rope_parameters", "rope_scaling"] {
            guard let parameters = try hub.object(key) else { continue }
            if let base = try Self.base(parameters) { bases = (base, bases.1) }
            if let own = try parameters.object("full_attention"), let base = try Self.base(own) { bases.0 = base }
            if let own = try parameters.object("sliding_attention"), let base = try Self.base(own) { bases.1 = base }
        }
        self.full = bases.0
        self.sliding = bases.1 ?? bases.0
    }

    private static func base(_ parameters: HubConfiguration) throws(CheckpointError) -> Double? {
        try parameters.require("rope_type", "default")
        try parameters.require("type", "default")
        if let partial = try parameters.optionalNumber("partial_rotary_factor"), partial != 1 {
            throw parameters.failure("partial_rotary_factor", "\(partial) is not supported")
        }
        return try parameters.optionalNumber("rope_theta")
    }
}

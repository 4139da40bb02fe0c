import CastorNumerics
import Glibc

/// Weights before training, a pure function of configuration and seed (docs/model.md section 7).
package enum Initialization {
    /// Writes `model.safetensors` in the model folder at `path`, f16.
    ///
    /// - Returns: the number of parameters written.
    @discardableResult
    package static func writeUntrained(modelAt path: String, seed: UInt64) throws(ModelError) -> Int {
        let configuration = try Model.configuration(path: path)
        try SafeTensors.write(
            tensors(configuration, seed: seed),
            metadata: ["castor.state": "untrained", "castor.seed": "\(seed)"], as: .f16,
            to: "\(path)/\(Model.weightsName)")
        return configuration.parameterCount
    }

    package static func tensors(_ configuration: Configuration, seed: UInt64) -> [NamedTensor] {
        var random = NormalGenerator(seed: seed)
        return configuration.tensorShapes.map { name, shape in
            let values = Matrix(rows: shape.count == 2 ? shape[0] : 1, columns: shape[shape.count - 1])
            if name.hasSuffix("norm.weight") || name == Configuration.lexicalRarityName {
                values.fill(1)
            } else if !name.hasSuffix("bias"), !startsAtZero.contains(name) {
                let deviation = standardDeviation(name, fanIn: shape[shape.count - 1], configuration)
                for index in 0..<values.count { values.pointer[index] = Float(random.next() * deviation) }
            }
            return NamedTensor(name: name, shape: shape, values: values)
        }
    }

    /// What changes nothing until it is trained.
    private static let startsAtZero = [Configuration.poolingLogitsName, Configuration.bigramEmbeddingName]

    private static func standardDeviation(_ name: String, fanIn: Int, _ configuration: Configuration) -> Double {
        if name == "text.embedding.weight" { return 1 }
        if name == "unified.modality_embedding.weight" || name == Configuration.timeEmbeddingName { return 0.02 }
        guard name.hasSuffix("attention.output.weight") || name.hasSuffix("mlp.down.weight") else {
            return 1 / Double(fanIn).squareRoot()
        }
        // Residual branches start small, so that the sum over 2 B of them keeps the scale of the input.
        let tower = Configuration.Tower.allCases.first { name.hasPrefix("\($0.rawValue).") } ?? .unified
        let own = tower == .unified ? 0 : configuration.blocks(of: tower)
        let blocks = own + configuration.unified.blocks
        return 1 / Double(2 * blocks * fanIn).squareRoot()
    }
}

/// Standard normal numbers from SplitMix64 by the Box-Muller method: the same on every machine.
private struct NormalGenerator {
    private var state: UInt64
    private var spare: Double?

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> Double {
        if let value = spare {
            spare = nil
            return value
        }
        let radius = (-2 * log(1 - uniform())).squareRoot()
        let angle = 2 * Double.pi * uniform()
        spare = radius * sin(angle)
        return radius * cos(angle)
    }

    /// In 0..<1, 53 random bits.
    private mutating func uniform() -> Double {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        z ^= z >> 31
        return Double(z >> 11) * 0x1p-53
    }
}

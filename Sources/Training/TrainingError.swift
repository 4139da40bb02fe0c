package import Encoder

/// Why training cannot go on.
package enum TrainingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Loss or gradient is not finite; the parameters are those of the step before.
    case diverged(step: Int, what: String)
    case model(ModelError)
    case checkpoint(path: String, reason: String)
    case soup(reason: String)

    package var description: String {
        switch self {
        case .diverged(let step, let what):
            "training diverged at step \(step): \(what). A lower learning rate, a longer warm-up or a lower limit of the "
                + "gradient's norm may help"
        case .model(let error): error.description
        case .checkpoint(let path, let reason): "\(path): not a usable checkpoint: \(reason)"
        case .soup(let reason): reason
        }
    }
}

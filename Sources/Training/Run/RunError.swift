package import Encoder
package import Evaluation

/// Why a training stopped, or did not begin. Files that a checkpoint or a model already had are intact in every case.
package enum RunError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The recipe is no recipe; the message names the key.
    case recipe(reason: String, isMissing: Bool)
    case data(DataError)
    case model(ModelError)
    /// A task of the evaluation, or its data.
    case evaluation(EvaluationError)
    /// The output folder holds a training, and going on with it was not asked for.
    case exists(path: String)
    /// The output folder has something under the name of a training's file, and no training.
    case occupied(path: String, name: String)
    /// Another process trains in the same folder.
    case locked(path: String)
    /// The training in the folder was another one; `key` is where it differs.
    case changed(key: String, was: String, now: String)
    case checkpoint(path: String, reason: String)
    /// Of processes that train together one has something else than the first.
    case differs(process: Int, count: Int, what: String)
    /// A file cannot be written: disk full, no permission.
    case cannotWrite(path: String, reason: String)
    /// Loss, gradient or vectors are not finite, or the loss exploded; nothing of that step was kept.
    case diverged(step: Int, reason: String, lastCheckpoint: Int?)
    /// Ctrl-C or SIGTERM; the checkpoint holds everything.
    case interrupted(step: Int)

    package var description: String {
        switch self {
        case .recipe(let reason, _): reason
        case .data(let error): error.description
        case .model(let error): error.description
        case .evaluation(let error): error.description
        case .exists(let path):
            "\(path) already holds a training: --resume goes on with it; to start anew remove it or name another folder"
        case .occupied(let path, let name): "\(path) has a \(name) that is no training's; choose an empty folder"
        case .locked(let path): "another process is training in \(path)"
        case .changed(let key, let was, let now):
            "cannot resume, because \(key) has changed: it was \(was), now it is \(now); change it back, or start anew in "
                + "another folder"
        case .checkpoint(let path, let reason): "\(path): not a usable checkpoint: \(reason)"
        case .differs(let process, let count, let what):
            "process \(process) of \(count) differs from the first in \(what): all of them need the same castor, recipe, data and model"
        case .cannotWrite(let path, let reason): "\(path): \(reason)"
        case .diverged(let step, let reason, let last):
            "training diverged at step \(step): \(reason). A lower learning rate, a longer warm-up or a lower limit of the "
                + "gradient's norm may help"
                + (last.map { "; the checkpoint of step \($0) is intact" } ?? "")
        case .interrupted(let step):
            "stopped after step \(step), with a checkpoint; the same command with --resume goes on from there"
        }
    }

    /// What to show: a line, or one for each mistake in a recipe.
    package var lines: [String] {
        guard case .recipe(let reason, _) = self else { return [description] }
        return reason.split(separator: "\n").map(String.init)
    }

    /// Of a write that failed.
    init(writing error: ModelError, to path: String) {
        self = .cannotWrite(path: path, reason: error.reason)
    }
}

extension ModelError {
    /// The description without the path.
    fileprivate var reason: String {
        switch self {
        case .unreadable(_, let reason): reason
        default: description
        }
    }
}

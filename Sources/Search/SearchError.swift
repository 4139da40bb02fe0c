import Castor
import Store

/// Why an index cannot be opened, written or asked.
package enum SearchError: Error, Sendable, Equatable {
    /// There is nothing there yet.
    case noIndex(path: String)
    /// It is being made anew, or was until something ended that.
    case emptied(path: String)
    /// Another process writes it.
    case inUse(path: String)
    case unusable(path: String, reason: String)
    /// Made by another version of Castor.
    case otherVersion(path: String, version: Int)
    /// Made with another model, or other options of the model.
    case otherModel(path: String, recorded: String, given: String)
    /// A file of the index does not have what its catalogue promises.
    case damaged(path: String, reason: String)
    case diskFull(path: String)
    case noItem(Int64)
    case notFound(path: String)
    /// A file that is not any more what was indexed.
    case changed(path: String)
    /// A query in which nothing is asked for, or in which what is asked for and what is not wanted cancel each other out.
    case emptyQuery
    case wrongSize(given: Int, wanted: Int)
}

extension SearchError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noIndex(let path): "\(path): there is no index; castor index PATH makes one"
        case .emptied(let path):
            "\(path): the index is being made anew, and was emptied for that; if no castor index is at work, castor index goes on with it"
        case .inUse(let path): "\(path): another castor index is writing it"
        case .unusable(let path, let reason): "\(path): \(reason)"
        case .otherVersion(let path, let version):
            "\(path): this index was made by another version of Castor (format \(version), this one writes \(Schema.version)); castor index --rebuild makes it anew"
        case .otherModel(let path, let recorded, let given):
            "\(path): this index was made with \(recorded), and the model is now \(given); castor index --rebuild makes it anew"
        case .damaged(let path, let reason):
            "\(path): the index is damaged: \(reason); castor index --rebuild makes it anew"
        case .diskFull(let path): "\(path): the disk is full"
        case .noItem(let id): "there is no item \(id) in the index"
        case .notFound(let path): "\(path): no such file or folder"
        case .changed(let path): "\(path): the file has changed since it was indexed; castor index looks again"
        case .emptyQuery: "the query has nothing to look for"
        case .wrongSize(let given, let wanted): "the query has \(given) values, the index has \(wanted)"
        }
    }
}

extension SearchError {
    /// As people type it for an index, where it has to be named.
    package static func command(_ index: String?) -> String {
        "castor index" + (index.map { " --index \($0.shellWord)" } ?? "")
    }

    /// With the commands that it advises for an index that has to be named.
    package func description(of index: String?) -> String {
        ["PATH makes", "--rebuild makes", "looks again", "goes on"].reduce(description) { text, advice in
            text.replacing("castor index \(advice)", with: "\(Self.command(index)) \(advice)")
        }
    }
}

extension SearchError {
    /// What the store says of the index at `path`.
    init(_ error: any Error, at path: String) {
        switch error {
        // Of files that are removed one after the other, some are missing before others.
        case SearchError.damaged where IndexRequest.isThere(path), SearchError.noIndex where IndexRequest.isThere(path),
            StoreError.storage where IndexRequest.isThere(path):
            self = .emptied(path: path)
        case let error as SearchError: self = error
        case StoreError.folderInUse(let path): self = .inUse(path: path)
        case StoreError.folderUnusable(let path, let reason): self = .unusable(path: path, reason: reason)
        case StoreError.diskFull: self = .diskFull(path: path)
        case StoreError.busy: self = .inUse(path: path)
        case StoreError.closed(let reason): self = .unusable(path: path, reason: reason)
        case StoreError.storage(let reason): self = .damaged(path: "\(path)/\(IndexFolder.catalogue)", reason: reason)
        default: self = .unusable(path: path, reason: "\(error)")
        }
    }
}

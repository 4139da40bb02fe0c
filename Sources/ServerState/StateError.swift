/// Why the server's state cannot do what was asked; what the disk has to say is a `StoreError`.
package enum StateError: Error, Sendable, Equatable {
    case fileNotFound(id: String)
    case fileExists(id: String)
    case fileNotActive(id: String, state: FileState)
    case invalidFileID(String)
    case displayNameTooLong(count: Int, limit: Int)
    case fileTooLarge(bytes: Int, limit: Int)
    case quotaExceeded(bytes: Int, limit: Int)
    case tooManyFiles(limit: Int)

    case uploadNotFound
    /// Its file is complete, or it was cancelled.
    case uploadClosed
    case tooManyUploads(limit: Int)
    case wrongOffset(given: Int, received: Int)
    /// More or fewer bytes than were announced.
    case wrongSize(received: Int, declared: Int)
    /// A later request goes on with this upload.
    case uploadTakenOver

    case batchNotFound(id: String)
    case noRequests
    case tooManyRequests(count: Int, limit: Int)
    case tooManyBatches(limit: Int)
    case invalidPageToken(String)
}

extension StateError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .fileNotFound(let id):
            "You do not have permission to access the File \(id) or it may not exist."
        case .fileExists(let id): "The File \(id) already exists."
        case .fileNotActive(let id, _): "The File \(id) is not in an ACTIVE state and usage is not allowed."
        case .invalidFileID(let id):
            "\"files/\(id)\" is not a file name: it has 1 to 40 characters of a-z, 0-9 and -, and no - at an end"
        case .displayNameTooLong(let count, let limit):
            "the display name has \(count) characters, the limit is \(limit)"
        case .fileTooLarge(let bytes, let limit): "the file has \(bytes) bytes, the limit is \(limit)"
        case .quotaExceeded(let bytes, let limit):
            "\(bytes) bytes more are above the \(limit) bytes that all files together may have"
        case .tooManyFiles(let limit): "there are \(limit) files already, which is the limit"
        case .uploadNotFound: "there is no such upload"
        case .uploadClosed: "the upload is finished or was cancelled"
        case .tooManyUploads(let limit): "\(limit) uploads are in progress already, which is the limit"
        case .wrongOffset(let given, let received): "the offset is \(given), and \(received) bytes were received"
        case .wrongSize(let received, let declared): "\(received) bytes were received, \(declared) were announced"
        case .uploadTakenOver: "another request goes on with this upload"
        case .batchNotFound(let id): "there is no batch job \(id)"
        case .noRequests: "the batch has no requests"
        case .tooManyRequests(let count, let limit): "the batch has \(count) requests, the limit is \(limit)"
        case .tooManyBatches(let limit): "there are \(limit) batch jobs already, which is the limit"
        case .invalidPageToken(let token): "\"\(token)\" is not a page token"
        }
    }
}

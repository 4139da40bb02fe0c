package import Castor

/// One row of a data set: texts and names of files, nothing decoded.
package struct Sample: Sendable, Equatable {
    package var query: Content
    /// nil only where a teacher alone is followed.
    package var positive: Content?
    package var negatives: [Content] = []
    package var queryTeacher: [Float]?
    package var positiveTeacher: [Float]?
    /// The row's own task; it goes before the data set's.
    package var task: TaskType?

    package init(query: Content, positive: Content?) {
        self.query = query
        self.positive = positive
    }

    var contents: [Content] { [query] + (positive.map { [$0] } ?? []) + negatives }
}

extension ByteHash {
    mutating func add(_ content: Content) {
        add(UInt64(content.parts.count))
        for part in content.parts {
            switch part {
            case .text(let text):
                add(1)
                add(text)
            case .data(let bytes, _):
                add(2)
                bytes.withUnsafeBytes { add($0) }
            case .file(let path, _):
                add(3)
                add(path)
            case .clip(let video, let metadata):
                add(4)
                add("\(metadata)")
                add(Content([video]))
            }
        }
    }
}

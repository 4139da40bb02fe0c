/// Where a data set lies and how it is read.
package struct DataSource: Sendable, Equatable {
    package enum Format: String, Sendable, CaseIterable, Codable {
        /// A pair a line: `{"query": Content, "positive": Content, "negatives": [Content], "teacher": [..], "task": ".."}`.
        case jsonl
        /// Columns divided by tabs, nothing quoted.
        case tsv
        /// Columns divided by commas, or by semicolons where the first lines show it, quoted as RFC 4180 says; a quoted field may span lines.
        case csv
        /// Pictures or sounds: a sub-folder a class, or a captions file.
        case folder
    }

    /// A column by its name in the header, or counted from 0.
    package enum Column: Sendable, Equatable {
        case name(String)
        case index(Int)
    }

    /// File or folder. Files that the data name are relative to it.
    package var path: String
    package var format: Format
    /// Name in messages; the default is the last component of the path.
    package var name: String
    /// Whether the first line of a TSV or CSV names the columns, or of a captions file in these formats.
    package var hasHeader = false
    /// The columns of a TSV or CSV. The default is the first and the second; a nil positive needs a teacher.
    package var query = Column.index(0)
    package var positive: Column? = .index(1)
    package var negatives: [Column] = []
    /// The captions file of a folder, relative to it. The default, nil, looks for one of ``captionNames``, and takes
    /// sub-folders for classes where there is none.
    package var captions: String?
    /// Texts of a folder's file; `{class}` and `{caption}` stand for the class or caption. Several are drawn from.
    package var templates = ["{class}"]
    /// Whether query and positive change places, as where a picture looks for its text.
    package var swapped = false
    /// A `.npy` file of vectors, f32 or f16, `[samples, t]`, in the order of the data set, for the queries.
    package var queryTeacher: String?
    /// The same for the positives.
    package var positiveTeacher: String?
    /// Share of bad samples that is tolerated, but at least one sample. The default is 1 %.
    package var badShare = 0.01
    /// Share of the pairs that is held out for validation. The default is none.
    package var heldOut = 0.0

    /// - Precondition: `path` is not empty
    package init(path: String, format: Format) {
        self.path = path
        self.format = format
        name = path.split(separator: "/").last.map(String.init) ?? path
    }

    package static let captionNames = [
        "captions.jsonl", "captions.tsv", "captions.csv", "captions.txt", "metadata.jsonl", "metadata.csv",
        "manifest.jsonl",
    ]

    /// The folder that paths in the data are relative to.
    var folder: String {
        if format == .folder { return path }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Bad samples that are tolerated among `count`.
    func tolerated(of count: Int) -> Int { max(1, Int(Double(count) * badShare)) }
}

/// What lies in an index's folder.
enum IndexFolder {
    /// The catalogue says what counts; of all other files, what it does not name is removed, and what lies beyond the rows that it names is cut off.
    static let catalogue = "catalogue.sqlite"

    /// What an index that is being made anew was asked for: there from before the old one is removed until the new one says the same.
    static let request = "rebuild"

    /// Files of rows, one of each kind in every generation: compaction writes the next.
    enum Rows: String, CaseIterable {
        /// Whole vectors, half or single precision.
        case full
        /// First values in eight bits.
        case short
        /// What those are multiplied with.
        case scales
        /// Source and medium.
        case labels
    }

    static func name(_ rows: Rows, generation: Int) -> String { "\(rows.rawValue)-\(generation).rows" }
    static func path(_ folder: String, _ rows: Rows, generation: Int) -> String {
        "\(folder)/\(name(rows, generation: generation))"
    }

    static func isRows(_ name: String) -> Bool {
        Rows.allCases.contains { name.hasPrefix("\($0.rawValue)-") } && name.hasSuffix(".rows")
    }
}

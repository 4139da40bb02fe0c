/// A held-out query, what was nearest to it before training, and what is now.
package struct NeighborExample: Sendable, Equatable {
    package struct Answer: Sendable, Equatable {
        package var item: ReportItem
        package var isRight: Bool

        package init(item: ReportItem, isRight: Bool) {
            self.item = item
            self.isRight = isRight
        }
    }

    package var data: String
    package var query: ReportItem
    /// A candidate that should be found.
    package var wanted: ReportItem
    /// Nearest first.
    package var before: [Answer]
    package var after: [Answer]

    package init(data: String, query: ReportItem, wanted: ReportItem, before: [Answer], after: [Answer]) {
        self.data = data
        self.query = query
        self.wanted = wanted
        self.before = before
        self.after = after
    }
}

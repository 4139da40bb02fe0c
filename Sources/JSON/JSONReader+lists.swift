extension JSONReader {
    /// Reads a list, or a single value as a list of it, into values. The first item beyond the limit ends the reading: nothing is made of it, nor of
    /// what follows.
    ///
    /// - Parameters:
    ///   - limit: items at most; without it ``Options/maxItems``
    ///   - complaint: what is said of more, in full
    package mutating func list<Item>(
        atMost limit: Int? = nil, else complaint: String? = nil,
        _ item: (inout JSONReader) throws(JSONError) -> Item
    ) throws(JSONError) -> [Item] {
        let limit = limit ?? options.maxItems
        var items: [Item] = []
        try startRepeated()
        while try nextItem() {
            guard items.count < limit else {
                var error = failure(.tooMany(limit: limit, complaint: complaint))
                // The list is at fault, not its last item.
                if case .index? = error.path.last { error.path.removeLast() }
                throw error
            }
            items.append(try item(&self))
        }
        return items
    }
}

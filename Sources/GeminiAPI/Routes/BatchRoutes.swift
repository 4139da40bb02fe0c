/// Batch jobs: `:asyncBatchEmbedContent` and `/batches`.
enum BatchRoutes {
    static func add(to table: inout RouteTable) {}
}

/// The Files API.
enum FileRoutes {
    static func add(to table: inout RouteTable) {}
}

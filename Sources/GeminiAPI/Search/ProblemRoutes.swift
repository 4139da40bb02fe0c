import Castor
import HTTPTypes
import Hummingbird
import Search

/// `/search/v1/problems`: the files that are not in the index, or not whole, as `castor index --problems` lists them.
enum ProblemRoutes {
    /// What people read to the end is far less; a folder of damaged files has any number.
    private static let most = 1_000

    static func add(to table: inout RouteTable) {
        table.on(.get, "/problems", before: "/search/v1", versions: [.none], face: .search, handler: list)
    }

    private static func list(_ call: APIRequest) async throws -> Response {
        let problems = try await call.withIndex { try $0.reader().problems() }
        var json = JSONWriter()
        json.raw("{\"problems\":[")
        for (position, (path, problem)) in problems.prefix(most).enumerated() {
            json.raw(position > 0 ? ",{\"path\":" : "{\"path\":")
            json.string(String(decoding: path.bytes, as: UTF8.self))
            json.raw(",\"reason\":")
            json.string("\(problem.reason)")
            json.raw(",\"detail\":")
            json.string(problem.detail)
            json.raw("}")
        }
        json.raw("],\"total\":\(problems.count),\"index\":")
        json.string(try call.index.path)
        json.raw("}\n")
        return Response(json: json)
    }
}

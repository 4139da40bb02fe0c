import HTTPTypes
import Hummingbird
import NIOCore

/// The page at `/`, and the modules, styles and drawings that it loads: files of the folder `Page`, which are in the program.
enum SearchPage {
    static func add(to table: inout RouteTable) {
        table.on(.get, "/search/page/{file}", versions: [.none], face: .search, access: .open) { call in
            let name = try call.parameter("file")
            guard let file = files[name] else { throw APIError(.notFound, "The page has no such file.") }
            return response(file)
        }
    }

    /// For a browser at a server that has an index.
    static func index() -> Response {
        response(File("text/html; charset=utf-8", PackageResources.index_html))
    }

    private struct File {
        var type: String
        var bytes: [UInt8]

        init(_ type: String, _ bytes: [UInt8]) {
            self.type = type
            self.bytes = bytes
        }
    }

    /// All there are: no name leads anywhere else.
    private static let files: [String: File] = {
        let (script, drawing) = ("text/javascript; charset=utf-8", "image/svg+xml")
        return [
            "style.css": File("text/css; charset=utf-8", PackageResources.style_css),
            "icon.svg": File(drawing, PackageResources.icon_svg),
            "icons.svg": File(drawing, PackageResources.icons_svg),
            "main.js": File(script, PackageResources.main_js), "api.js": File(script, PackageResources.api_js),
            "dom.js": File(script, PackageResources.dom_js), "query.js": File(script, PackageResources.query_js),
            "results.js": File(script, PackageResources.results_js), "map.js": File(script, PackageResources.map_js),
            "recorder.js": File(script, PackageResources.recorder_js),
        ]
    }()

    /// Scripts and styles of this server's own files alone, nothing written into the page; no other page may hold it in a frame.
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

    private static func response(_ file: File) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = file.type
        // Another version of the program has other files under the same names.
        headers[.cacheControl] = "no-cache"
        headers[.contentSecurityPolicy] = policy
        headers[.xContentTypeOptions] = "nosniff"
        headers[.crossOriginResourcePolicy] = "same-origin"
        headers[.crossOriginOpenerPolicy] = "same-origin"
        headers[.referrerPolicy] = "no-referrer"
        headers[.permissionsPolicy] = "microphone=(self), camera=(), geolocation=()"
        headers[.vary] = "Accept"
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: file.bytes)))
    }
}

extension HTTPField.Name {
    fileprivate static let crossOriginOpenerPolicy = Self("cross-origin-opener-policy")!
    fileprivate static let referrerPolicy = Self("referrer-policy")!
    fileprivate static let permissionsPolicy = Self("permissions-policy")!
}

import HTTPTypes
package import Hummingbird
import NIOCore

/// Which names a server without keys answers to. A page on the web can let its own name lead to this machine and then reads every answer as
/// its own (DNS rebinding); what it cannot do is to send another `Host` than that name.
package struct HostCheck: Sendable {
    private let allowed: Set<String>
    private let isOpen: Bool
    private let needsKey: Bool
    private let origins: [String]

    /// - Parameter hosts: names or addresses beside this machine's own
    package init(_ options: ServerOptions) {
        // Who needs a key cannot be impersonated by a page that has none.
        needsKey = !options.apiKeys.isEmpty
        isOpen = needsKey || options.allowedHosts.contains("*")
        origins = options.corsOrigins
        allowed = Set((["localhost", options.host] + options.allowedHosts).map(Self.normalised))
    }

    /// RFC 9112: whoever stands before this server may have looked at another of them.
    package static func refuseSeveral(_ request: Request) throws(APIError) {
        // The first one became the authority.
        guard request.headers[values: .host].isEmpty else {
            throw .invalid("The request has more than one Host header.")
        }
    }

    /// Throws `permissionDenied` with the option that helps. Requests without `Host` are let in: browsers always send it.
    package func check(_ request: Request, at local: SocketAddress?) throws(APIError) {
        guard !isOpen, let authority = request.head.authority, !authority.isEmpty else { return }
        let host = Self.normalised(Self.host(of: authority))
        guard !allowed.contains(host), !Self.isLoopback(host), host != local?.ipAddress.map(Self.normalised) else {
            return
        }
        throw APIError(
            .permissionDenied,
            """
            The server does not answer to the host \(host.shortened), because it needs no key and web pages could use it under such \
            a name. Start it with --allowed-host \(host.shortened), or with --api-key.
            """)
    }

    /// A page of another origin may send what it likes, as a form does, although it cannot read the answer: it could store files and start jobs.
    /// Reading and asking (`GET`, `OPTIONS`) change nothing. Browsers always say the origin of what changes something.
    package func checkOrigin(_ request: Request) throws(APIError) {
        guard !needsKey, ![.get, .head, .options].contains(request.method), let origin = request.headers[.origin],
            !origins.contains("*"), !origins.contains(origin)
        else { return }
        let authority = request.head.authority ?? ""
        guard ["http://\(authority)", "https://\(authority)"].contains(origin) else {
            throw APIError(
                .permissionDenied,
                """
                The server takes nothing from a web page of \(origin.shortened), because it needs no key and any page could use it. Start it \
                with --cors-origin \(origin.shortened), or with --api-key.
                """)
        }
    }

    /// Without the port, and an IPv6 address without its brackets.
    private static func host(of authority: String) -> Substring {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            let port = authority[authority.index(after: end)...]
            guard port.isEmpty || port.first == ":" && isPort(port.dropFirst()) else { return authority[...] }
            return authority[authority.index(after: authority.startIndex)..<end]
        }
        // More than one colon is an address without brackets.
        guard let colon = authority.firstIndex(of: ":"), authority.lastIndex(of: ":") == colon,
            isPort(authority[authority.index(after: colon)...])
        else { return authority[...] }
        return authority[..<colon]
    }

    /// Anything else behind a colon makes what stands before it a user's name, as in `localhost:80@evil.example`.
    private static func isPort(_ text: Substring) -> Bool { text.utf8.allSatisfy { (48...57).contains($0) } }

    /// One spelling of a name or address.
    private static func normalised(_ host: some StringProtocol) -> String {
        var host = host.lowercased()
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        // The root's dot belongs to the same name.
        if host.hasSuffix(".") { host.removeLast() }
        if let address = try? SocketAddress(ipAddress: host, port: 0).ipAddress { host = address }
        return host.hasPrefix("::ffff:") && host.contains(".") ? String(host.dropFirst(7)) : host
    }

    /// Whether only this machine reaches a server that listens there: localhost, 127.0.0.0/8 and ::1.
    package static func isOfThisMachine(_ host: String) -> Bool {
        let host = normalised(host)
        return host == "localhost" || isLoopback(host)
    }

    private static func isLoopback(_ host: String) -> Bool {
        guard let address = try? SocketAddress(ipAddress: host, port: 0) else { return host.hasSuffix(".localhost") }
        switch address {
        case .v4: return host.hasPrefix("127.")
        case .v6: return host == "::1"
        case .unixDomainSocket: return false
        }
    }
}

extension HTTPField.Name {
    fileprivate static let host = Self("host")!
}

import HummingbirdCore

#if TLS
    import HummingbirdTLS
    import NIOSSL
#endif

/// Certificate and key of a server that speaks TLS.
package struct TLSFiles {
    /// Whether this build can: swift-nio-ssl carries BoringSSL, two thirds of a build's time, so it is a trait of the package.
    #if TLS
        package static let isBuiltIn = true
    #else
        package static let isBuiltIn = false
    #endif

    let certificate: String
    let key: String

    /// nil where the server speaks plain HTTP.
    init?(_ options: ServerOptions) {
        guard let certificate = options.tlsCertificatePath, let key = options.tlsKeyPath else { return nil }
        self.certificate = certificate
        self.key = key
    }

    /// TLS 1.2 or later around a server.
    func wrap(_ http: HTTPServerBuilder) throws -> HTTPServerBuilder {
        #if TLS
            let chain = try NIOSSLCertificate.fromPEMFile(certificate)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
            configuration.minimumTLSVersion = .tlsv12
            return try .tls(http, tlsConfiguration: configuration)
        #else
            throw StartupFailure(unusable: "this build speaks no TLS; see --tls-cert in docs/server.md")
        #endif
    }
}

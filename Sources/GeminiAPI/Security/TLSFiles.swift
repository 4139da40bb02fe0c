import HummingbirdTLS
import NIOSSL

/// Certificate and key of a server that speaks TLS.
struct TLSFiles {
    let certificate: String
    let key: String

    /// nil where the server speaks plain HTTP.
    init?(_ options: ServerOptions) {
        guard let certificate = options.tlsCertificatePath, let key = options.tlsKeyPath else { return nil }
        self.certificate = certificate
        self.key = key
    }

    /// TLS 1.2 or later.
    var configuration: TLSConfiguration {
        get throws {
            let chain = try NIOSSLCertificate.fromPEMFile(certificate)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
            configuration.minimumTLSVersion = .tlsv12
            return configuration
        }
    }
}

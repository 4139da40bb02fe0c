package import ServerState

/// How the server is run.
package struct ServerOptions: Sendable {
    /// The default is this machine alone.
    package var host = "127.0.0.1"
    /// 0 takes any free port.
    package var port = 8080
    /// API keys that are let in. The default, none, lets everybody in.
    package var apiKeys: [String] = []
    /// Names and addresses, beside this machine's own, that a server without keys answers to; `*` is any. The default is none.
    package var allowedHosts: [String] = []
    /// PEM files; both or none.
    package var tlsCertificatePath: String?
    package var tlsKeyPath: String?
    /// Origins that browsers may call from; `*` is any. The default is none.
    package var corsOrigins: [String] = []
    /// Uploaded files and batch jobs. The default, none, has their routes answer that they are not there.
    package var state: ServerState?
    /// What is searched. The default, none, has the routes of search answer that there is none.
    package var index: SearchIndex?
    /// Whether unknown JSON fields are passed over. The default refuses them, as the service does.
    package var isLenient = false
    /// Whether taskType puts a prompt in front of the text. The default is no effect, as in version 2 of the service, whose prompts are part of
    /// the texts; nobody writes those of an imported model.
    package var appliesTaskPrompts = false
    /// Values of every vector that asks for no fewer, by zeros behind those of the model. The default, nil, is the model's own number.
    package var paddedDimensions: Int?
    /// Values of the hosted model's vectors.
    package static let hostedDimensions = 3_072
    /// Who gets answers in gzip, if he asks for it. The default is clients at other machines.
    package var compressedReplies = CompressedReplies.remote
    /// For the OpenAPI document.
    package var programVersion = "0"
    package var limits = ServerLimits()
    package var scheduler = Scheduler.Options()

    package init() {}
}

/// What one client, and all together, may ask for.
package struct ServerLimits: Sendable {
    /// Bytes of one request's body. The default is 100 MB.
    package var maxBodyBytes = 100_000_000
    /// Bytes of bodies held at once, of all requests; those that came, not those that are announced. The default is 400 MB.
    package var maxBufferedBytes = 400_000_000
    /// Bytes of one request's headers. The default is 32 KiB.
    package var maxHeaderBytes = 32 << 10
    /// Parts of one content, and items of every other list that has no limit of its own. The default is 8,192, one for each token of the context.
    package var maxParts = 8_192
    /// Contents of one batch. The default is the service's, 100.
    package var maxBatchContents = 100
    /// Texts of one `:predict`. The default is Vertex's, 250.
    package var maxPredictInstances = 250
    /// Tokens of one `:predict`. The default is Vertex's, 20,000.
    package var maxPredictTokens = 20_000
    /// Connections at once; more wait to be accepted. The default is 512.
    package var maxConnections = 512
    /// Seconds that a connection may be silent. A body must bring something worth its while within as many (``ArrivalPace``), and one that nobody reads
    /// any more must end. The default is 60.
    package var idleSeconds = 60
    /// Seconds that a request may take once its body is there. The default is 600.
    package var requestSeconds = 600
    /// Seconds that requests have to end after SIGTERM. The default is 30.
    package var drainSeconds = 30

    package init() {}
}

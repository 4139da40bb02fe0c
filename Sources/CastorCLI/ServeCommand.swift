public import ArgumentParser
import Castor
import CastorNumerics
import FoundationEssentials
import GeminiAPI
import Glibc
public import Logging
import Media
import Search
import ServerState
import Store

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Answer like the hosted Gemini Embedding service.",
        discussion: """
            castor serve
            curl http://127.0.0.1:8080/v1beta/models/gemini-embedding-2:embedContent -d '{"content":{"parts":[{"text":"hi"}]}}'

            Programs that use the hosted service move by one base URL. API keys are let in by --api-key, --api-key-file and the \
            environment's CASTOR_API_KEY (several with commas between); without any, everybody is let in.

            SIGTERM and Ctrl-C let requests end, for --drain-timeout at most or until a second one, and exit with 0.
            """)

    @OptionGroup var model: ModelOption

    @Option(help: ArgumentHelp("Address to listen at. 0.0.0.0 is every one.", valueName: "address"))
    var host = "127.0.0.1"

    @Option(help: ArgumentHelp("Port to listen at; 0 takes a free one.", valueName: "n"))
    var port = 8080

    @Option(
        name: .customLong("api-key"), help: ArgumentHelp("A key that is let in; may be repeated.", valueName: "key"))
    var apiKeys: [String] = []

    @Option(
        help: ArgumentHelp("A file with a key a line; # starts a comment.", valueName: "file"), completion: .file())
    var apiKeyFile: String?

    @Option(
        name: .customLong("allowed-host"),
        help: ArgumentHelp(
            "A name that a server without keys answers to, beside this machine's own; may be repeated; * is any.",
            valueName: "host"))
    var allowedHosts: [String] = []

    @Option(
        help: ArgumentHelp("Certificate chain, PEM. With --tls-key, the server speaks TLS.", valueName: "file"),
        completion: .file())
    var tlsCert: String?

    @Option(help: ArgumentHelp("The certificate's private key, PEM.", valueName: "file"), completion: .file())
    var tlsKey: String?

    @Option(
        name: .customLong("cors-origin"),
        help: ArgumentHelp("An origin whose web pages may call; may be repeated; * is any.", valueName: "origin"))
    var corsOrigins: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where uploaded files and batch jobs are kept. Default: castor below XDG_STATE_HOME or ~/.local/state.",
            valueName: "dir"), completion: .directory)
    var dataDir: String?

    @Option(
        help: ArgumentHelp(
            "Search this index, which castor index made: a page at / for browsers, and /search/v1 for programs.",
            valueName: "dir"), completion: .directory)
    var index: String?

    @Flag(help: "With --index: let clients have the index brought up to what its folders have.")
    var allowIndexing = false

    @Flag(help: "Pass over unknown JSON fields. The service, and Castor by default, refuses them.")
    var lenient = false

    @Flag(
        help:
            "Let taskType put a prompt before the first text. Version 2 of the service ignores it, as Castor by default, unless the model was imported."
    )
    var applyTaskPrompts = false

    @Flag(
        help:
            "Vectors of 3,072 values, as a store may demand that was made for the hosted model: zeros behind those of the model."
    )
    var padDimensions = false

    @Option(
        help: ArgumentHelp(
            "Whose answers are compressed by gzip, of clients that ask for it: never, remote (clients at other machines) or always.",
            valueName: "who"))
    var gzipReplies = CompressedReplies.remote

    @Option(help: ArgumentHelp("Bytes of one request's body.", valueName: "bytes"))
    var maxBodyBytes = ServerLimits().maxBodyBytes

    @Option(help: ArgumentHelp("Bytes of all bodies in memory at once.", valueName: "bytes"))
    var maxBufferedBytes = ServerLimits().maxBufferedBytes

    @Option(help: ArgumentHelp("Bytes of one request's headers.", valueName: "bytes"))
    var maxHeaderBytes = ServerLimits().maxHeaderBytes

    @Option(help: ArgumentHelp("Parts of one content.", valueName: "n"))
    var maxParts = ServerLimits().maxParts

    @Option(help: ArgumentHelp("Connections at once.", valueName: "n"))
    var maxConnections = ServerLimits().maxConnections

    @Option(help: ArgumentHelp("Contents that wait; more are answered with 429.", valueName: "n"))
    var maxWaitingContents = Scheduler.Options().maxWaitingContents

    @Option(help: ArgumentHelp("Tokens that pass through the model together.", valueName: "n"))
    var maxBatchTokens = Scheduler.Options().maxBatchTokens

    @Option(
        help: ArgumentHelp(
            "Where pictures, sounds and clips are decoded: inside this process, or outside, in processes that can do nothing else. Default: outside, and inside where these cannot be started.",
            valueName: "where"))
    var decoders: DecoderPlace?

    @Option(
        help: ArgumentHelp("A connection may be silent so long, and a body must go on within it.", valueName: "seconds")
    )
    var idleTimeout = ServerLimits().idleSeconds

    @Option(help: ArgumentHelp("A request may take so long once its body is there.", valueName: "seconds"))
    var requestTimeout = ServerLimits().requestSeconds

    @Option(help: ArgumentHelp("Requests have so long to end after SIGTERM.", valueName: "seconds"))
    var drainTimeout = ServerLimits().drainSeconds

    @Option(help: ArgumentHelp("debug, info (a line a request), warning or error.", valueName: "level"))
    var logLevel: Logger.Level = .info

    func validate() throws {
        if address.isEmpty { throw ValidationError("--host must not be empty; 0.0.0.0 is every address") }
        if !(0...65_535).contains(port) { throw ValidationError("--port must be between 0 and 65535, not \(port)") }
        if (tlsCert == nil) != (tlsKey == nil) { throw ValidationError("--tls-cert and --tls-key go together") }
        if tlsCert != nil, !TLSFiles.isBuiltIn {
            throw ValidationError(
                "this castor was built without TLS: build it with `swift build -c release --traits TLS`, or put a proxy that speaks TLS in front of it"
            )
        }
        for (name, value) in [
            ("--max-body-bytes", maxBodyBytes), ("--max-buffered-bytes", maxBufferedBytes),
            ("--max-header-bytes", maxHeaderBytes), ("--max-parts", maxParts), ("--max-connections", maxConnections),
            ("--max-batch-tokens", maxBatchTokens),
        ] where !(1...1 << 40).contains(value) {
            throw ValidationError("\(name) must be between 1 and \(1 << 40), not \(value)")
        }
        for (name, value) in [
            ("--idle-timeout", idleTimeout), ("--request-timeout", requestTimeout), ("--drain-timeout", drainTimeout),
        ] where !(1...1 << 30).contains(value) {
            throw ValidationError("\(name) must be between 1 and \(1 << 30), not \(value)")
        }
        if maxWaitingContents < 100 {
            throw ValidationError("--max-waiting-contents must be 100 or more, as many as one batch may hold")
        }
        if allowIndexing, index == nil { throw ValidationError("--allow-indexing goes with --index") }
        if apiKeys.contains(where: \.isEmpty) { throw ValidationError("--api-key must not be empty") }
    }

    func run() async throws {
        var options = try serverOptions()
        var logger = Logger(label: "castor") { _ in LineLogHandler() }
        logger.logLevel = logLevel
        let embedder = try Self.open(model, &options, self.decoders)
        if let index { options.index = try Self.openIndex(index, embedder, model, allowsIndexing: allowIndexing) }
        let server = Server(embedder: embedder, options: options, logger: logger)
        do {
            try await server.run { [options, model = embedder.info.name] port in
                // Only now is the address known to be one.
                Self.warn(options)
                let greeting = ServeGreeting(options, model: model, port: port)
                Terminal.error("castor: listening at \(greeting.listening)\n")
                guard ServeGreeting.isWanted else { return }
                for line in greeting.lines { Terminal.error(line + "\n") }
            }
        } catch let failure as StartupFailure {
            throw Failure(failure)
        } catch {
            throw Failure(.cannotWrite, "\(error)")
        }
    }

    private func serverOptions() throws -> ServerOptions {
        var options = ServerOptions()
        options.host = address
        options.port = port
        options.apiKeys = try keys()
        options.allowedHosts = allowedHosts
        options.tlsCertificatePath = tlsCert
        options.tlsKeyPath = tlsKey
        options.corsOrigins = corsOrigins
        options.state = try (dataDir ?? Self.defaultDataDirectory).map(Self.openState)
        options.isLenient = lenient
        options.appliesTaskPrompts = applyTaskPrompts
        if padDimensions { options.paddedDimensions = ServerOptions.hostedDimensions }
        options.compressedReplies = gzipReplies
        options.programVersion = Version.current
        options.limits.maxBodyBytes = maxBodyBytes
        options.limits.maxBufferedBytes = maxBufferedBytes
        options.limits.maxHeaderBytes = maxHeaderBytes
        options.limits.maxParts = maxParts
        options.limits.maxConnections = fittingConnections()
        options.limits.idleSeconds = idleTimeout
        options.limits.requestSeconds = requestTimeout
        options.limits.drainSeconds = drainTimeout
        options.scheduler.maxWaitingContents = maxWaitingContents
        options.scheduler.maxBatchTokens = maxBatchTokens
        return options
    }

    /// As many as the files that the process may have open allow.
    private func fittingConnections() -> Int {
        let (count, files) = OpenFiles.connections(wanted: maxConnections)
        if count < maxConnections {
            Terminal.error(
                "castor: warning: \(counted(count, "connection")) at once, not \(maxConnections) (--max-connections): this process may have \(files) files open (ulimit -n)\n"
            )
        }
        return count
    }

    /// By option, by file, by environment.
    private func keys() throws -> [String] {
        var keys = apiKeys
        if let apiKeyFile {
            guard let text = try? String(contentsOfFile: apiKeyFile, encoding: .utf8) else {
                throw Failure(.notFound, "--api-key-file: \(apiKeyFile) cannot be read as text")
            }
            let lines = text.split(whereSeparator: \.isNewline).map { $0.trimming(while: \.isWhitespace) }
            let found = lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }
            // A file without keys that let everybody in would be a trap.
            guard !found.isEmpty else { throw Failure(.badInput, "--api-key-file: \(apiKeyFile) has no key") }
            keys += found
        }
        if let variable = getenv("CASTOR_API_KEY") {
            let found = String(cString: variable).split(separator: ",").map { $0.trimming(while: \.isWhitespace) }
                .filter { !$0.isEmpty }
            // So is a variable that was to hold one.
            guard !found.isEmpty else {
                throw Failure(.usage, "CASTOR_API_KEY is set, and empty: give it a key, or unset it to serve without")
            }
            keys += found
        }
        return keys
    }

    /// Without the brackets that an IPv6 address has in a URL.
    private var address: String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    private static func warn(_ options: ServerOptions) {
        let isLocal = HostCheck.isOfThisMachine(options.host)
        if !isLocal, options.apiKeys.isEmpty {
            Terminal.error(
                "castor: warning: listening at \(options.host) without an API key: anyone who reaches this port may use it\n"
            )
        }
        if !isLocal, !options.apiKeys.isEmpty, options.tlsCertificatePath == nil {
            Terminal.error("castor: warning: keys travel in the clear without --tls-cert and --tls-key\n")
        }
    }

    /// The model with its decoders, and what the model decides of the options.
    static func open(_ model: ModelOption, _ options: inout ServerOptions, _ place: DecoderPlace?) throws -> Embedder {
        let threads = options.scheduler
        let decoders = DecoderPlace.decoders(
            place, count: threads.threadCount, ready: threads.threadCount - threads.spareThreads)
        let embedder = try model.open(decoders: decoders)
        if embedder.info.isImported { options.appliesTaskPrompts = true }
        do { try Server.checkRoom(for: embedder, options) } catch { throw Failure(error) }
        return try DecoderPlace.start(decoders, place) ? embedder : try model.open(decoders: .inside)
    }

    static func openIndex(
        _ path: String, _ embedder: Embedder, _ model: ModelOption, allowsIndexing: Bool
    ) throws -> SearchIndex {
        do {
            return try SearchIndex(
                path: path, embedder: embedder, pool: try WorkerPool.opened(threads: model.threads),
                allowsIndexing: allowsIndexing)
        } catch let error as SearchError { throw Failure(error, index: path) }
    }

    private static func openState(_ folder: String) throws -> ServerState {
        do {
            return try ServerState(StateSettings(folder: folder))
        } catch StoreError.folderInUse(let path) {
            throw Failure(
                .cannotWrite, "--data-dir: another castor serve uses \(path); give this one another --data-dir")
        } catch {
            throw Failure(.cannotWrite, "--data-dir: \(error)")
        }
    }

    private static var defaultDataDirectory: String? {
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        return variable("XDG_STATE_HOME").map { "\($0)/castor" } ?? variable("HOME").map { "\($0)/.local/state/castor" }
    }
}

extension Failure {
    init(_ failure: StartupFailure) {
        let status: ExitStatus =
            switch failure.cause {
            case .model: .badInput
            case .machine: .unavailable
            case .address: .cannotWrite
            }
        self.init(status, failure.description)
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

extension CompressedReplies: ExpressibleByArgument {}

extension Substring {
    /// Without what is at both ends.
    fileprivate func trimming(while isOutside: (Character) -> Bool) -> String {
        var rest = drop(while: isOutside)
        while let last = rest.last, isOutside(last) { rest.removeLast() }
        return String(rest)
    }
}

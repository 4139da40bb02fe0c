import Castor
import FoundationEssentials
import GeminiAPI
import Glibc
import Logging
import Search

/// `castor search --open`: a server of its own for one page, at a free port, until Ctrl-C.
struct SearchPageRun {
    let model: ModelOption
    let path: String

    func run(text: String, like: Int64?, types: Set<Medium>) async throws {
        var options = ServerOptions()
        options.port = 0
        // Others who work at this machine reach the port, too.
        let key = UUID().uuidString
        options.apiKeys = [key]
        options.programVersion = Version.current
        let embedder = try ServeCommand.open(model, &options, nil)
        options.index = try ServeCommand.openIndex(path, embedder, model, allowsIndexing: true)
        var logger = Logger(label: "castor") { _ in LineLogHandler() }
        logger.logLevel = .warning
        let server = Server(embedder: embedder, options: options, logger: logger)
        let fragment = Self.fragment(key: key, text: text, like: like, types: types)
        do {
            try await server.run { port in
                let address = "http://127.0.0.1:\(port)/#\(fragment)"
                let isOpened = Self.open(address)
                Terminal.error(
                    isOpened
                        ? "castor: the page is open in the browser; Ctrl-C ends the search\n"
                        : "castor: open \(address) in a browser; Ctrl-C ends the search\n")
            }
        } catch let failure as StartupFailure {
            throw Failure(failure)
        } catch {
            throw Failure(.cannotWrite, "\(error)")
        }
    }

    /// What the page reads from its address; browsers do not send it.
    static func fragment(key: String, text: String, like: Int64?, types: Set<Medium>) -> String {
        var fields = [("key", key)]
        if !text.isEmpty { fields.append(("q", text)) }
        if let like { fields.append(("more", "\(like)")) }
        fields += Medium.allCases.filter(types.contains).map { ("type", $0.name) }
        return fields.map { "\($0.0)=\(escaped($0.1))" }.joined(separator: "&")
    }

    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                ? String(UnicodeScalar(byte))
                : "%" + String(0x100 + Int(byte), radix: 16, uppercase: true).dropFirst()
        }.joined()
    }

    /// False where there is no program that opens addresses, or none that was found.
    private static func open(_ address: String) -> Bool {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        let arguments = ["xdg-open", address].map { (word: String) in strdup(word) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        guard posix_spawnp(&process, "xdg-open", &actions, nil, arguments, environ) == 0 else { return false }
        var status: Int32 = 0
        // It hands the address to a browser and ends.
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status == 0
    }
}

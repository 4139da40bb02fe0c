import Glibc
import Media
import MediaHelper
import Testing

/// What came of a file that was decoded in a process of its own, and what it cost.
struct Bounded {
    /// What was decoded, or `error: ` and why not.
    let verdict: String
    /// Of address space, beyond what the process had before.
    let megabytes: Int
    /// Of the processor.
    let seconds: Double
}

/// Decodes a file in a process with bounds on what it takes: memory by its address space, and time by the processor's clock, so that other
/// programs' load is nothing to it. Whatever takes more is a failure of the test.
///
/// - Parameter mayLackMemory: whether `megabytes` is all that there is, and may be too little
func decodeBounded(
    _ bytes: [UInt8], _ type: MediaType, start: Double? = nil, megabytes: Int = 300, seconds: Int = 5,
    mayLackMemory: Bool = false, sourceLocation: SourceLocation = #_sourceLocation
) throws -> Bounded {
    guard let input = tmpfile(), let output = tmpfile() else { throw Fixture.Missing(name: "a temporary file") }
    defer {
        fclose(input)
        fclose(output)
    }
    guard fwrite(bytes, 1, bytes.count, input) == bytes.count, fflush(input) == 0 else {
        throw Fixture.Missing(name: "what was written to a temporary file")
    }
    rewind(input)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, fileno(input), 0)
    posix_spawn_file_actions_adddup2(&actions, fileno(output), 1)
    // Twice as much as is expected: a decoder that asks for more than that may take the refusal for the file's end.
    let most = mayLackMemory ? megabytes : 2 * megabytes
    var words = ["MediaHelper", type.mimeType, "\(most)", "\(seconds)"]
    if let start { words.append("\(start)") }
    // Heaps of threads would be reserved 64 MB at a time.
    var variables = ["MALLOC_ARENA_MAX=1"]
    for name in ["PATH", "LD_LIBRARY_PATH"] {
        if let value = getenv(name) { variables.append("\(name)=\(String(cString: value))") }
    }
    let (argv, envp) = (words.map { strdup($0) } + [nil], variables.map { strdup($0) } + [nil])
    defer { (argv + envp).forEach { free($0) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, helperPath, &actions, nil, argv, envp)
    try #require(code == 0, "\(helperPath): \(String(cString: strerror(code)))", sourceLocation: sourceLocation)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    try #require(
        status == 0, "ended by signal \(status & 0x7F), status \(status >> 8 & 0xFF)", sourceLocation: sourceLocation)
    rewind(output)
    var text = [UInt8](repeating: 0, count: 64 << 10)
    let count = fread(&text, 1, text.count, output)
    let lines = String(decoding: text[..<count], as: UTF8.self).split(separator: "\n")
    try #require(lines.count == 3, sourceLocation: sourceLocation)
    let result = Bounded(
        verdict: String(lines[0]), megabytes: try #require(Int(lines[1])), seconds: try #require(Double(lines[2])))
    #expect(result.megabytes <= megabytes, "\(result)", sourceLocation: sourceLocation)
    if mayLackMemory { return result }
    #expect(!result.verdict.contains("not enough memory"), "\(result)", sourceLocation: sourceLocation)
    return result
}

/// Beside the bundle of tests.
private let helperPath: String = {
    var path = [CChar](repeating: 0, count: 4_096)
    let count = max(0, readlink("/proc/self/exe", &path, path.count - 1))
    let text = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text[..<(text.lastIndex(of: "/") ?? text.startIndex)] + "/MediaHelper"
}()

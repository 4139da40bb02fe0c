import GeminiAPI
import Glibc

/// What a person reads who has started a server at a terminal: how to call it, ready to be pasted.
struct ServeGreeting {
    /// Where it listens, as `http://127.0.0.1:8080`.
    let listening: String
    /// Where this machine reaches it.
    let address: String
    let needsKey: Bool
    let hasPage: Bool
    /// The served model's own name.
    let model: String

    /// - Parameter port: the one that it listens at
    init(_ options: ServerOptions, model: String, port: Int) {
        // A folder may bear any name, and these lines are pasted: this one is known everywhere, and gives a list one vector each, too.
        let isPlain = model.utf8.allSatisfy { byte in
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                || "-_.".utf8.contains(byte)
        }
        self.model = isPlain ? model : "gemini-embedding-001"
        let scheme = options.tlsCertificatePath == nil ? "http" : "https"
        func url(_ host: String) -> String { "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
        listening = url(options.host)
        // All addresses of this machine are none that can be called.
        address = url(["0.0.0.0", "::"].contains(options.host) ? "localhost" : options.host)
        needsKey = !options.apiKeys.isEmpty
        hasPage = options.index != nil
    }

    /// For people alone: scripts that read what a server says have nothing to do with it.
    static var isWanted: Bool { isatty(STDERR_FILENO) == 1 }

    var lines: [String] {
        let path = "\(address)/v1beta/models/gemini-embedding-2:embedContent"
        let (key, header) = needsKey ? ("YOUR-KEY", " -H 'x-goog-api-key: YOUR-KEY'") : ("any", "")
        let headers = needsKey ? #"headers: {"x-goog-api-key": "YOUR-KEY"}, "# : ""
        var lines = [
            #"  curl '\#(path)'\#(header) -d '{"content":{"parts":[{"text":"hello"}]}}'"#,
            #"  Python      from google import genai"#,
            #"              client = genai.Client(api_key="\#(key)", http_options={"base_url": "\#(address)"})"#,
            #"              client.models.embed_content(model="\#(model)", contents=["hello", "world"])"#,
            #"              # one vector each; by the name gemini-embedding-2 a list has one vector together, as in the hosted service"#,
            #"  JavaScript  await (await fetch("\#(path)", {method: "POST", \#(headers)body: JSON.stringify({content: {parts: [{text: "hello"}]}})})).json()"#,
        ]
        if hasPage { lines.append("  Browser     \(address)/") }
        return lines
    }
}

package import Castor
import Glibc
import Media
import Synchronization

/// Counts for Prometheus. Routes are counted by template, never by URI: the number of series is bounded.
package final class Metrics: Sendable {
    private struct RouteKey: Hashable {
        let method: String
        let route: String
        let status: Int
    }

    private struct State {
        var requests: [RouteKey: Int] = [:]
        var durations: [String: Histogram] = [:]
        var queueSeconds = Histogram()
        var batchTokens = Histogram(bounds: [16, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192])
        var computeSeconds = 0.0
        var contents = 0
        var tokens: [Usage.Modality: Int] = [:]
        var refused = 0
        var cancelled = 0
        var truncated = 0
        var noted = 0
    }

    private let state = Mutex(State())

    package init() {}

    package func request(method: String, route: String, status: Int, seconds: Double) {
        state.withLock { state in
            state.requests[RouteKey(method: method, route: route, status: status), default: 0] += 1
            state.durations[route, default: Histogram()].add(seconds)
            if status == APIError.Status.cancelled.code { state.cancelled += 1 }
        }
    }

    func queued(seconds: Double) {
        state.withLock { $0.queueSeconds.add(seconds) }
    }

    func batch(contents: Int, tokens: Int, seconds: Double) {
        state.withLock { state in
            state.contents += contents
            state.batchTokens.add(Double(tokens))
            state.computeSeconds += seconds
        }
    }

    package func embedded(_ usage: Usage, truncated: Bool, hasNotes: Bool) {
        state.withLock { state in
            for detail in usage.details { state.tokens[detail.modality, default: 0] += detail.tokenCount }
            if truncated { state.truncated += 1 }
            if hasNotes { state.noted += 1 }
        }
    }

    func refused() {
        state.withLock { $0.refused += 1 }
    }

    /// The Prometheus text format, version 0.0.4.
    package func text(waiting: [(Priority, Int)], isReady: Bool) -> String {
        let state = state.withLock { $0 }
        var text = ""
        func header(_ name: String, _ type: String, _ help: String) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        }
        func single(_ name: String, _ type: String, _ help: String, _ value: some CustomStringConvertible) {
            header(name, type, help)
            text += "\(name) \(value)\n"
        }
        header("castor_requests_total", "counter", "Requests by route template and HTTP status.")
        for (key, count) in state.requests.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            text +=
                "castor_requests_total{method=\"\(key.method)\",route=\"\(key.route)\",status=\"\(key.status)\"} \(count)\n"
        }
        header("castor_request_duration_seconds", "histogram", "From a request's head to its answer.")
        for (route, histogram) in state.durations.sorted(by: { $0.key < $1.key }) {
            text += histogram.text("castor_request_duration_seconds", labels: "route=\"\(route)\"")
        }
        header("castor_queue_seconds", "histogram", "From a call's arrival until its first content is computed.")
        text += state.queueSeconds.text("castor_queue_seconds")
        header("castor_batch_tokens", "histogram", "Tokens that passed through the model together.")
        text += state.batchTokens.text("castor_batch_tokens")
        single("castor_compute_seconds_total", "counter", "Time the model was at work.", state.computeSeconds)
        single("castor_contents_total", "counter", "Contents that passed through the model.", state.contents)
        header("castor_tokens_total", "counter", "Tokens of answered requests, as the service counts them.")
        for modality in Usage.Modality.allCases {
            text +=
                "castor_tokens_total{modality=\"\(modality.rawValue.lowercased())\"} \(state.tokens[modality] ?? 0)\n"
        }
        single("castor_truncated_total", "counter", "Contents that were cut at the end.", state.truncated)
        single("castor_noted_total", "counter", "Contents with a damaged or mislabelled part.", state.noted)
        single("castor_refused_total", "counter", "Calls refused because the queue was full.", state.refused)
        single("castor_cancelled_total", "counter", "Requests whose client went away.", state.cancelled)
        single(
            "castor_decoders_ended_total", "counter", "Processes that ended amid a file, whoever ended them.",
            DecoderEndings.count)
        header("castor_waiting_contents", "gauge", "Contents that wait or are at work.")
        for (priority, count) in waiting { text += "castor_waiting_contents{priority=\"\(priority)\"} \(count)\n" }
        single("castor_ready", "gauge", "Whether weights are loaded and warm.", isReady ? 1 : 0)
        single("process_resident_memory_bytes", "gauge", "Resident memory.", Self.residentBytes)
        return text
    }

    /// From `/proc/self/statm`; 0 where there is none.
    private static var residentBytes: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let fields = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.split(separator: UInt8(ascii: " "))
        guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }
}

/// Counts below rising bounds.
struct Histogram: Sendable {
    private let bounds: [Double]
    private var counts: [Int]
    private var sum = 0.0
    private var count = 0

    init(bounds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count)
    }

    mutating func add(_ value: Double) {
        if let index = bounds.firstIndex(where: { value <= $0 }) { counts[index] += 1 }
        sum += value
        count += 1
    }

    func text(_ name: String, labels: String = "") -> String {
        var text = ""
        var below = 0
        let separator = labels.isEmpty ? "" : ","
        for (bound, count) in zip(bounds, counts) {
            below += count
            text += "\(name)_bucket{\(labels)\(separator)le=\"\(bound)\"} \(below)\n"
        }
        text += "\(name)_bucket{\(labels)\(separator)le=\"+Inf\"} \(count)\n"
        let braces = labels.isEmpty ? "" : "{\(labels)}"
        return text + "\(name)_sum\(braces) \(sum)\n\(name)_count\(braces) \(count)\n"
    }
}

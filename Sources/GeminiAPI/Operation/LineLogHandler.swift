import Castor
import Glibc
package import Logging

/// One JSON object a line on standard error: `{"time":..,"level":..,"message":..,...}`.
///
/// Metadata come from this program alone; what users send is never among them. A control character, which a model's name or a folder's may have, is
/// escaped: a line is one line, and a terminal does not act on it.
package struct LineLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel = Logger.Level.info

    package init() {}

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        // One call a line: lines of different threads do not mix.
        line(event).withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    package func line(_ event: LogEvent) -> [UInt8] {
        var json = JSONWriter()
        json.raw("{\"time\":\"\(Self.now)\",\"level\":\"\(event.level.rawValue)\",\"message\":")
        json.string("\(event.message)")
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            json.raw(",")
            json.string(key)
            json.raw(":")
            json.string("\(value)")
        }
        json.raw("}\n")
        return json.bytes
    }

    /// `2026-11-20T12:00:00.123Z`
    private static var now: String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        gmtime_r(&time.tv_sec, &parts)
        func padded(_ value: Int, _ width: Int = 2) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(Int(parts.tm_year) + 1900)-\(padded(Int(parts.tm_mon) + 1))-\(padded(Int(parts.tm_mday)))"
        let clock = "\(padded(Int(parts.tm_hour))):\(padded(Int(parts.tm_min))):\(padded(Int(parts.tm_sec)))"
        return "\(date)T\(clock).\(padded(time.tv_nsec / 1_000_000, 3))Z"
    }
}

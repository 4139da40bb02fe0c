import Glibc

/// One line on a terminal's standard error: share, count, rate, remaining time. Silent in a pipe, and for short work.
struct Progress {
    private let isShown = isatty(STDERR_FILENO) == 1
    private let start = Self.now
    private var lastShown = 0.0
    private var hasLine = false

    /// Seconds before the first line, and between two lines.
    private static let patience = 2.0
    private static let interval = 0.2

    /// Share of the work that was done before, which says nothing about the rate.
    private let startShare: Double

    init(from share: Double? = 0) {
        startShare = share ?? 0
    }

    /// - Parameters:
    ///   - items: done since the start; `total` counts earlier runs, too.
    ///   - share: 0...1, nil when the total is unknown.
    mutating func update(items: Int, total: Int, share: Double?) {
        guard isShown else { return }
        let elapsed = Self.now - start
        guard elapsed > Self.patience, elapsed - lastShown > Self.interval else { return }
        lastShown = elapsed
        hasLine = true
        var line = "\(counted(total, "content")), \(Self.short(Double(items) / elapsed))/s"
        if let share, share > startShare {
            line += ", \(Int(share * 100)) %, \(Self.duration(elapsed * (1 - share) / (share - startShare))) left"
        }
        Terminal.replaceLine(line)
    }

    /// As above, of bytes.
    mutating func update(bytes: Int, of total: Int) {
        guard isShown else { return }
        let elapsed = Self.now - start
        guard elapsed > Self.patience, elapsed - lastShown > Self.interval, bytes > 0 else { return }
        lastShown = elapsed
        hasLine = true
        let left = Self.duration(elapsed * Double(total - bytes) / Double(bytes))
        Terminal.replaceLine(
            "\(bytes >> 20) of \(total >> 20) MiB, \(Self.short(Double(bytes >> 20) / elapsed)) MiB/s, \(left) left")
    }

    /// As above, of files of different size: `pictures/a.jpg` counts as much as its bytes.
    mutating func update(files: Int, of total: Int, share: Double) {
        guard isShown else { return }
        let elapsed = Self.now - start
        guard elapsed > Self.patience, elapsed - lastShown > Self.interval, files > 0 else { return }
        lastShown = elapsed
        hasLine = true
        let left = share > 0 ? ", \(Self.duration(elapsed * (1 - share) / share)) left" : ""
        Terminal.replaceLine(
            "\(files) of \(counted(total, "file")), \(Self.short(Double(files) / elapsed))/s, \(Int(share * 100)) %\(left)"
        )
    }

    mutating func finish() {
        if hasLine { Terminal.replaceLine() }
        hasLine = false
    }

    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    static func short(_ value: Double) -> String {
        value >= 10 ? "\(Int(value.rounded()))" : "\((value * 10).rounded() / 10)"
    }

    /// What short work took.
    static func time(_ seconds: Double) -> String { seconds < 10 ? "\(short(seconds)) s" : duration(seconds) }

    static func duration(_ seconds: Double) -> String {
        let whole = Int(max(0, seconds).rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
}

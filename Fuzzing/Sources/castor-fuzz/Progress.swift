import Glibc

/// One line, at once: what crashes later must not take it along.
func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = write(STDOUT_FILENO, line, line.count)
}

/// Says every ten seconds how many executions there were, at what rate, and how long the rest takes at it.
struct Progress {
    private let target: String
    private let count: Int
    private let start = Progress.seconds
    private var said = Progress.seconds
    private var done = 0

    private static let interval = 10.0

    init(_ target: String, count: Int) {
        (self.target, self.count) = (target, count)
    }

    private static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    var rate: Int { Int(Double(done) / max(Self.seconds - start, 1e-3)) }

    mutating func advance(by executions: Int = 1) {
        done += executions
        guard Self.seconds - said >= Self.interval else { return }
        said = Self.seconds
        let left = (count - done) / max(rate, 1)
        say("\(target): \(done) of \(count), \(rate) a second, \(left / 60) min \(left % 60) s left")
    }
}

/// In memory where there is such a folder: models are written a thousand times a second.
var scratchFolder: String { access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp" }

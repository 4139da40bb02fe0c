import Glibc
import Report

/// What a training tells while it runs.
package enum RunEvent: Sendable, Equatable {
    /// Something to read: a warning, where a file is.
    case note(String)
    case step(StepRecord, RunProgress)
    case evaluated(EvaluationRecord, isBest: Bool)
    case measured(TaskRecord)
    case checkpoint(step: Int)
}

/// How far a training is.
package struct RunProgress: Sendable, Equatable {
    package var step: Int
    package var totalSteps: Int
    /// Means over the last steps.
    package var tokensPerSecond: Double
    package var secondsLeft: Double
    /// Bytes that the process holds.
    package var memory: Int
}

/// Numbers of this process.
package enum ProcessMemory {
    /// Bytes held now.
    package static var resident: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return peak }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return peak }
        let fields = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            .split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : peak
    }

    /// The most bytes ever held.
    package static var peak: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}

/// Rate and remaining time from the last steps.
struct StepClock {
    private var recent: [(seconds: Double, tokens: Int)] = []
    private static let span = 50

    mutating func add(seconds: Double, tokens: Int) {
        recent.append((seconds, tokens))
        if recent.count > Self.span { recent.removeFirst() }
    }

    var secondsPerStep: Double {
        recent.isEmpty ? 0 : recent.reduce(0) { $0 + $1.seconds } / Double(recent.count)
    }

    var tokensPerSecond: Double {
        let seconds = recent.reduce(0) { $0 + $1.seconds }
        return seconds > 0 ? Double(recent.reduce(0) { $0 + $1.tokens }) / seconds : 0
    }

    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// Finds a loss that explodes while it is still finite: the mean of the last steps is far above that of the first ones.
///
/// It is in checkpoints: a training that is gone on with stops where it would have stopped.
package struct ExplosionWatch: Sendable, Equatable, Codable {
    private var first: [Double] = []
    private var last: [Double] = []

    private static let span = 20
    private static let factor = 4.0

    package init() {}

    /// Why training should stop; nil while all is well.
    package mutating func add(_ loss: Double) -> String? {
        if first.count < Self.span {
            first.append(loss)
            return nil
        }
        last.append(loss)
        if last.count > Self.span { last.removeFirst() }
        guard last.count == Self.span else { return nil }
        let (early, late) = (Self.mean(first), Self.mean(last))
        guard early > 0, late > Self.factor * early else { return nil }
        return "the mean loss of the last \(Self.span) steps is \(Figures.short(late)), that of the first ones was "
            + Figures.short(early)
    }

    private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
}

package import Glibc
import Synchronization

import class Foundation.Thread

/// Whether a process has come to a standstill: what a test asks that waits for one, where another would look at a clock. A busy machine makes
/// everything slow, a hundredfold and more; but what waits for a processor is runnable, and never idle.
///
/// A look finds the process idle where no thread of it, nor of any process that it started, is running, runnable or waiting for a disk, and
/// their processor time has hardly advanced since the look before. Sixty idle looks in a row, a second apart, are a standstill.
package struct Standstill {
    private let process: pid_t
    private let looks: Int
    private let milliseconds: Int
    private var idleLooks = 0
    private var lastTicks = 0
    private var lastTime: Int

    /// Of processor time, 10 ms each, that an idle process may spend between two looks: on timers, and on being asked how far it is.
    private static let idleTicks = 2

    /// - Parameters:
    ///   - process: this one, unless another is named
    ///   - looks: idle looks in a row
    ///   - milliseconds: between two looks, at least
    package init(of process: pid_t = getpid(), looks: Int = 60, milliseconds: Int = 1_000) {
        self.process = process
        self.looks = looks
        self.milliseconds = milliseconds
        lastTime = Self.now
    }

    /// For whoever waits to ask again and again, as often as he likes. A process that is gone stands still.
    package mutating func isReached() -> Bool {
        let time = Self.now
        guard time - lastTime >= milliseconds else { return idleLooks >= looks }
        lastTime = time
        let family = Self.family(of: process)
        guard !family.isEmpty, !Self.isGone(process) else {
            idleLooks = looks
            return true
        }
        let ticks = family.reduce(0) { $0 + $1.ticks }
        let isIdle = abs(ticks - lastTicks) <= Self.idleTicks && !family.contains { Self.hasWork($0.process) }
        lastTicks = ticks
        idleLooks = isIdle ? idleLooks + 1 : 0
        return idleLooks >= looks
    }

    // MARK: - Waiting

    /// Something that was waited for did not come, and nothing was at work on it any more.
    package struct Reached: Error, CustomStringConvertible {
        package let description = "it does not come: whoever should bring it about stands still"
    }

    /// Waits until `isTrue`, which `process` brings about; asks often at first, then seldom, so that asking is not the work.
    package static func wait(for process: pid_t, until isTrue: () throws -> Bool) throws {
        let pause = Pause()
        var standstill = Standstill(of: process)
        while try !isTrue() {
            if standstill.isReached() {
                // It may have ended right after it did what is waited for.
                if try isTrue() { return }
                throw Reached()
            }
            usleep(UInt32(pause.next()))
        }
    }

    /// Waits until `isTrue`, which other threads of this process bring about.
    package static func wait(until isTrue: () async throws -> Bool) async throws {
        let pause = Pause()
        var standstill = Standstill()
        while try await !isTrue() {
            if standstill.isReached() { throw Reached() }
            try await Task.sleep(for: .microseconds(pause.next()))
        }
    }

    /// Runs `body` and ends this process where it comes to a standstill meanwhile: threads that block each other can do nothing about it themselves.
    package static func guarding<Result>(
        _ what: String, _ body: () async throws -> Result
    ) async rethrows -> Result {
        let watch = Watch(what)
        defer { watch.end() }
        return try await body()
    }

    private final class Watch: Sendable {
        private let isOver = Atomic(false)

        init(_ what: String) {
            Thread.detachNewThread { [self] in
                var standstill = Standstill()
                while !isOver.load(ordering: .relaxed) {
                    if standstill.isReached() { fatalError("a standstill: \(what)") }
                    usleep(100_000)
                }
            }
        }

        func end() { isOver.store(true, ordering: .relaxed) }
    }

    /// Microseconds until the next question: a thirtieth of the time since the first, so that little is lost.
    package struct Pause {
        private let start = Standstill.now
        private let longest: Int

        package init(longest: Int = 1_000_000) { self.longest = longest }

        package func next() -> Int { min(longest, max(1_000, (Standstill.now - start) * 1_000 / 30)) }
    }

    // MARK: - What Linux says of processes

    private struct Member {
        let process: pid_t
        let parent: pid_t
        let state: Character
        let ticks: Int
    }

    /// The process, first, and all that it started, and those.
    private static func family(of process: pid_t) -> [Member] {
        let all = names(in: "/proc").compactMap { pid_t($0) }.compactMap { member("/proc/\($0)/stat", $0) }
        guard let first = all.first(where: { $0.process == process }) else { return [] }
        let children = Dictionary(grouping: all, by: \.parent)
        var found = [first]
        var next = 0
        while next < found.count {
            found += children[found[next].process] ?? []
            next += 1
        }
        return found
    }

    /// Whether all threads of a process have ended. The first one's state alone does not tell: it is seen to end before others that still compute.
    private static func isGone(_ process: pid_t) -> Bool {
        names(in: "/proc/\(process)/task").allSatisfy { thread in
            guard let state = member("/proc/\(process)/task/\(thread)/stat", process)?.state else { return true }
            return state == "Z" || state == "X"
        }
    }

    /// Whether a thread other than the one that asks is running, runnable or waiting for a disk.
    private static func hasWork(_ process: pid_t) -> Bool {
        let own = ownThread
        return names(in: "/proc/\(process)/task").contains { thread in
            let path = "\(process)/task/\(thread)"
            guard path != own, let state = member("/proc/\(path)/stat", process)?.state else { return false }
            return state == "R" || state == "D"
        }
    }

    /// `PID/task/THREAD`.
    private static var ownThread: String {
        var path = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/thread-self", &path, path.count)
        return String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// `man 5 proc`: the name in parentheses, which may hold anything, then state, parent, and from the twelfth on the ticks of its own and of children that have ended.
    private static func member(_ path: String, _ process: pid_t) -> Member? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let count = read(file, &bytes, bytes.count)
        guard count > 0, let end = bytes[..<count].lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = String(decoding: bytes[(end + 1)..<count], as: UTF8.self).split(separator: " ")
        guard fields.count > 14, let state = fields[0].first, let parent = pid_t(fields[1]) else { return nil }
        return Member(
            process: process, parent: parent, state: state, ticks: fields[11...14].reduce(0) { $0 + (Int($1) ?? 0) })
    }

    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }

    /// Milliseconds, to keep looks apart: nothing is judged by them.
    private static var now: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }
}

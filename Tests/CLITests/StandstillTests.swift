import Glibc
import TestSupport
import Testing

/// What tests wait for instead of a clock.
@Suite struct StandstillTests {
    private func start(_ command: String...) throws -> pid_t {
        let arguments = command.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var process: pid_t = 0
        // A group of its own, so that nothing that it starts stays.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        let code = posix_spawn(&process, command[0], nil, &attributes, arguments, environ)
        try #require(code == 0)
        return process
    }

    private func end(_ process: pid_t) {
        kill(-process, SIGKILL)
        waitpid(process, nil, 0)
    }

    /// Also a family: the shell waits for what it started.
    @Test(arguments: ["exec sleep 10000", "sleep 10000 & wait", "kill -STOP $$"])
    func whatDoesNothingStandsStill(command: String) throws {
        let process = try start("/bin/sh", "-c", command)
        var standstill = Standstill(of: process, looks: 5, milliseconds: 20)
        while !standstill.isReached() { usleep(5_000) }
        end(process)
    }

    /// With the lowest claim to a processor that there is, on whatever machine: it may starve, and is not idle.
    @Test(arguments: ["while :; do :; done", "(while :; do :; done) & wait"])
    func whatWantsToWorkDoesNot(command: String) throws {
        let process = try start("/usr/bin/nice", "-n", "19", "/bin/sh", "-c", command)
        var standstill = Standstill(of: process, looks: 20, milliseconds: 20)
        for _ in 0..<200 {
            let isReached = standstill.isReached()
            #expect(!isReached)
            usleep(5_000)
        }
        end(process)
    }

    @Test func whatIsGoneStandsStill() throws {
        let process = try start("/bin/true")
        #expect(throws: Standstill.Reached.self) { try Standstill.wait(for: process) { false } }
        end(process)
        #expect(throws: Standstill.Reached.self) { try Standstill.wait(for: process) { false } }
    }

    @Test func whatCameIsSeen() async throws {
        let process = try start("/bin/true")
        var asked = 0
        try Standstill.wait(for: process) {
            asked += 1
            return asked == 3
        }
        end(process)
        let task = Task { () -> Int in 7 }
        var value: Int?
        try await Standstill.wait {
            if asked == 5 { value = await task.value }
            asked += 1
            return value == 7
        }
    }
}

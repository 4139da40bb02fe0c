import Foundation
import Testing

/// What `make test` shows, by tools/tests on runs made up here: events as `swift test` writes them, and what it says.
@Suite struct TestOutputTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
        try folder.makeFolder("tools")
        for name in ["tests", "tests.awk"] {
            try FileManager.default.copyItem(
                atPath: "\(CastorProgram.repository)/tools/\(name)", toPath: "\(folder.path)/tools/\(name)")
        }
    }

    // MARK: - Runs

    private static func event(_ kind: String, _ id: String?, _ more: String = "", text: String...) -> String {
        let messages = text.map { #"{"symbol":"default","text":"\#($0)"}"# }.joined(separator: ",")
        return
            #"{"kind":"event","payload":{"instant":{"absolute":1.5,"since1970":2},\#(more)"kind":"\#(kind)","messages":[\#(messages)]"#
            + (id.map { #","testID":"\#($0)"# + "\"" } ?? "") + #"},"version":"6.3.0"}"#
    }

    private static func record(_ id: String, _ kind: String) -> String {
        #"{"kind":"test","payload":{"id":"\#(id)","kind":"\#(kind)","name":"n"},"version":"6.3.0"}"#
    }

    private func issue(_ id: String, isFailure: Bool = true, text: String...) -> String {
        let path = "\(folder.path)/Tests/A.swift".replacingOccurrences(of: "/", with: #"\/"#)
        let place = #""sourceLocation":{"column":3,"fileID":"M\/A.swift","filePath":"\#(path)","line":7}"#
        return Self.event(
            "issueRecorded", id, #""issue":{"isFailure":\#(isFailure),"isKnown":false,\#(place)},"#, text: text[0],
            text.count > 1 ? text[1] : "")
    }

    /// Two suites, one of which is nested in the other, a test outside of any, and a suite that is skipped.
    private static let good = #"M.Good\/fine()\/A.swift:1:2"#
    private static let inner = #"M.Good\/Inner\/deep(n:)\/A.swift:2:2"#
    private static let free = #"M.free()\/A.swift:3:2"#
    private static let start =
        [record("M.Good", "suite"), record(#"M.Good\/Inner"#, "suite"), record("M.Slow", "suite")]
        + [good, inner, free, #"M.Slow\/long()\/A.swift:4:2"#].map { record($0, "function") }
        + [
            event("runStarted", nil, text: "Test run started."),
            event("testSkipped", "M.Slow", text: #"Suite Slow skipped: \"only when asked\""#),
            event("testSkipped", #"M.Slow\/long()\/A.swift:4:2"#, text: #"Test long() skipped: \"only when asked\""#),
            event("testStarted", "M.Good"), event("testStarted", #"M.Good\/Inner"#),
        ]

    private static func whole(_ id: String) -> [String] {
        [event("testStarted", id), event("testEnded", id, text: "Test passed after 0.1 seconds.")]
    }

    private static let end = [
        event("testEnded", #"M.Good\/Inner"#, text: "Suite Inner passed after 1.500 seconds."),
        event("testEnded", "M.Good", text: "Suite Good passed after 2.250 seconds."),
    ]
    private static let over = event("runEnded", nil, text: "Test run with 3 tests ended.")

    /// What tools/tests shows of them, where `swift test` ends with a status.
    private func shown(
        _ events: [String], says: String = "", status: Int
    ) throws -> (status: Int32, text: String) {
        try folder.write(events.joined(separator: "\n") + "\n", "events")
        try folder.write(says, "says")
        try? folder.makeFolder("bin")
        let swift = """
            #!/bin/sh
            echo "$@" >asked
            while [ "$1" != --event-stream-output-path ]; do shift; done
            [ -s events ] && cat events >"$2"
            cat says
            exit \(status)
            """
        // Copied by the shell: while a child of another test holds a file of this process open, the kernel runs it for nobody.
        try folder.write(swift, "fake")
        let outcome = try CastorProgram.shell(
            "cp fake bin/swift; chmod +x bin/swift; PATH=$PWD/bin:$PATH tools/tests swift -c release", in: folder)
        #expect(outcome.errors.isEmpty)
        #expect(String(decoding: try folder.bytes("asked"), as: UTF8.self).hasPrefix("test -c release --"))
        return (outcome.status, outcome.text)
    }

    // MARK: - What is shown

    @Test func aLineASuite() throws {
        let events = Self.start + [Self.good, Self.inner, Self.free].flatMap(Self.whole) + Self.end + [Self.over]
        let (status, text) = try shown(events, says: "noise\n", status: 0)
        #expect(status == 0)
        #expect(
            text == """
                skipped: M.Slow, only when asked
                1 test passed: M.Good/Inner, 1.500 s
                1 test passed: M.Good, 2.250 s
                1 test passed: M

                """)
        #expect(try folder.bytes(".build/tests/swift.count") == Array("3 0\n".utf8))
        #expect(try folder.bytes(".build/tests/swift.log") == Array("noise\n".utf8))
    }

    @Test func failuresInFull() throws {
        let events =
            Self.start + [Self.event("testStarted", Self.inner)]
            + [
                issue(Self.inner, text: #"Expectation failed: a == \"b\""#, #"first\nsecond é"#),
                issue(Self.inner, text: "Caught error: Broken()"),
                issue(Self.good, isFailure: false, text: "Issue recorded", "only a warning"),
                Self.event("testEnded", Self.inner, text: "Test deep(n:) failed after 0.1 seconds."),
            ] + [Self.good, Self.free].flatMap(Self.whole) + Self.end + [Self.over]
        let says = """
            ✘ Test deep(n:) recorded an issue with 1 argument n → 2 at A.swift:7:3: Expectation failed: a == "b"
            ✘ Test deep(n:) failed after 0.1 seconds

            """
        let (status, text) = try shown(events, says: says, status: 1)
        #expect(status == 1)
        #expect(
            text == """
                skipped: M.Slow, only when asked
                FAILED M.Good/Inner/deep(n:)
                    Tests/A.swift:7
                    Expectation failed: a == "b"
                    first
                    second é
                FAILED M.Good/Inner/deep(n:)
                    Tests/A.swift:7
                    Caught error: Broken()
                warning: M.Good/fine()
                    Tests/A.swift:7
                    Issue recorded
                    only a warning
                FAILED 1 of 1 test: M.Good/Inner, 1.500 s
                1 test passed: M.Good, 2.250 s
                1 test passed: M
                With these arguments:
                    deep(n:) recorded an issue with 1 argument n → 2 at A.swift:7:3: Expectation failed: a == "b"
                Everything that was said: .build/tests/swift.log
                2 passed, 1 failed

                """)
    }

    /// Whatever was said before and after: what the crash says, and what was at work.
    @Test func aCrashInTheMiddle() throws {
        let events =
            Self.start + Self.whole(Self.good)
            + [Self.event("testStarted", Self.free), Self.event("testStarted", Self.inner)]
        let noise = (0..<200).map { "line \($0)\n" }.joined()
        let says = noise + "M/A.swift:9: Fatal error: boom\nThread 3 crashed:\n\nRegisters:\n" + noise
        let (status, text) = try shown(events, says: says, status: 1)
        #expect(status == 1)
        #expect(
            text == """
                skipped: M.Slow, only when asked
                1 test passed: M.Good
                The tests ended in the middle. At work were, the last begun first:
                    M.Good/Inner/deep(n:)
                    M.free()
                What was said last:
                    M/A.swift:9: Fatal error: boom
                    Thread 3 crashed:
                \("    ")
                Everything that was said: .build/tests/swift.log
                1 passed, 2 failed

                """)
    }

    /// An end without a word, as by SIGKILL.
    @Test func anEndWithoutAWord() throws {
        let (status, text) = try shown(Self.start, says: "one\ntwo\n", status: 137)
        #expect(status == 137)
        #expect(
            text.hasSuffix(
                """
                What was said last:
                    one
                    two
                Everything that was said: .build/tests/swift.log
                0 passed, 1 failed

                """), "\(text)")
    }

    @Test func nothingRan() throws {
        let (status, text) = try shown([], says: "error: no such thing\n", status: 1)
        #expect(status == 1)
        #expect(
            text == """
                error: no such thing
                Everything that was said: .build/tests/swift.log
                0 passed, 1 failed

                """)
    }
}

import Castor
import Foundation
import Glibc
import Testing

/// Every row of docs/errors.md: status, message, no vector, and the page itself.
@Suite struct FailingInputTests {
    @Test(arguments: FailingInput.all)
    func saysWhatIsWrong(input: FailingInput) throws {
        let folder = try Workspace()
        try input.prepare(folder)
        let outcome = try run(input, in: folder)
        #expect(outcome.status == input.status)
        #expect(outcome.errors.split(separator: "\n").first.map(String.init) == "castor: \(input.message)")
        #expect(outcome.output.isEmpty)
        if input.status != 64 { #expect(outcome.errors.count { $0 == "\n" } == 1) }
    }

    private func run(_ input: FailingInput, in folder: Workspace) throws -> CastorProgram.Outcome {
        if input.viaShell { return try CastorProgram.shell("castor \(input.command)", in: folder) }
        let words = input.command.split(separator: " ").map(String.init)
        guard input.unprivileged, geteuid() == 0 else { return try CastorProgram.run(words, in: folder) }
        // root reads everything; without these two capabilities it does not.
        let capabilities = "-dac_override,-dac_read_search"
        return try CastorProgram.shell(
            "setpriv --bounding-set=\(capabilities) --inh-caps=\(capabilities) \"$CASTOR\" \(input.command)", in: folder
        )
    }

    private static func page() throws -> String {
        try String(contentsOfFile: "\(CastorProgram.repository)/docs/errors.md", encoding: .utf8)
    }

    /// What takes too long to be tried here.
    @Test func pageHoldsTheLimitsOfContents() throws {
        let limits = Limits()
        let errors: [EmbedError] = [
            .tooManyImages(count: 7, limit: limits.maxImages),
            .tooManySounds(count: 101, limit: limits.maxSounds),
            .tooMuchSound(seconds: 200, limit: limits.maxAudioSeconds),
            .tooManyVideos(count: 2, limit: limits.maxVideos), .tooManyDocuments(count: 2, limit: limits.maxDocuments),
            .tooMuchText(limit: limits.maxTextBytes), .tooMuchMemory(limit: limits.maxPreparedBytes),
            .fileTooLarge(part: 2, path: "a.wav", bytes: 300_000_000, limit: limits.maxFileBytes),
        ]
        let page = try Self.page()
        for error in errors { #expect(page.contains("| `\(error)` |"), "\(error)") }
    }

    @Test func pageHoldsExactlyTheseRows() throws {
        let page = try Self.page()
        let rows = page.split(separator: "\n").map(String.init).filter { $0.contains("`castor: ") }
        #expect(
            rows == FailingInput.all.map(\.row),
            "the rows should be:\n\(FailingInput.all.map(\.row).joined(separator: "\n"))")
    }
}

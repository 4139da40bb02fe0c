import Testing

/// `ulimit -v`: whatever its size, a command ends with its result or with a reason.
@Suite struct AddressSpaceTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
    }

    /// The program alone needs some 300 MB, and 128 MiB more for each thread that computes.
    @Test(arguments: [380, 400, 420, 440, 450, 460, 480, 500, 550, 600, 650, 700, 800]) func embed(megabytes: Int)
        throws
    {
        let outcome = try CastorProgram.shell(
            "ulimit -v \(megabytes * 1_000); castor embed --threads 3 --dimensions 2 hello", in: folder)
        switch outcome.status {
        case 0: #expect(outcome.text.hasPrefix(#"{"embedding":{"values":["#))
        case 69: #expect(outcome.errors.hasPrefix("castor: ") && outcome.text.isEmpty)
        default: Issue.record("status \(outcome.status): \(outcome.errors)")
        }
    }
}

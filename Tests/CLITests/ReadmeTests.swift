import Foundation
import Testing

/// What README says of the model. Its blocks of code are the matter of Tests/Contracts/test_blocks.py.
@Suite struct ReadmeTests {
    @Test func saysUntrainedWhileTheModelIs() throws {
        let card = try String(
            contentsOfFile: "\(CastorProgram.repository)/weights/castor-small/README.md", encoding: .utf8)
        #expect(try card.hasPrefix("# castor-small (untrained)") == readme().contains("is *untrained*"))
    }

    private func readme() throws -> String {
        try String(contentsOfFile: "\(CastorProgram.repository)/README.md", encoding: .utf8)
    }
}

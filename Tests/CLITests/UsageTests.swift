import Foundation
import Testing

/// Wrong usage: exit status 64, a message that names the program, nothing on standard output.
@Suite struct UsageTests {
    @Test(arguments: [
        (["bogus"], "castor: Unexpected argument 'bogus'"),
        (["embd", "a"], "castor: there is no command embd. Did you mean embed?"),
        (["Serve"], "castor: there is no command Serve. Did you mean serve?"),
        (["similarity", "a"], "castor: Missing expected argument '<second>'"),
        (["embed"], "castor: nothing to embed: give parts, or --batch FILE"),
        (["embed", "a", "--bogus"], "castor: Unknown option '--bogus'"),
        (["embed", "@"], "castor: The value '@' is invalid for '<parts>': behind @ comes the name of a file"),
        (["embed", "a", "--dimensions", "0"], "castor: --dimensions must be 1 or more, not 0"),
        (["embed", "a", "--dimensions", "many"], "castor: The value 'many' is invalid for '--dimensions <n>'"),
        (["embed", "a", "--task", "bogus"], "castor: The value 'bogus' is invalid for '--task <name>'."),
        (["embed", "a", "--format", "xml"], "castor: The value 'xml' is invalid for '--format <format>'."),
        (["embed", "a", "--title", "t"], "castor: --title goes with --task retrieval_document"),
        (["embed", "a", "--batch", "b"], "castor: --batch takes its contents from the file, not from parts"),
        (["embed", "--each", "--batch", "b"], "castor: --each is for parts; a batch has one vector a line"),
        (["embed", "--format", "npy", "--batch", "b"], "castor: --batch writes JSONL"),
        (["embed", "--timing", "--batch", "b"], "castor: --timing is for parts"),
        (["embed", "a", "--apply-task-prompts"], "castor: --apply-task-prompts goes with --batch"),
        (["embed", "a", "--threads", "0"], "castor: --threads must be between 1 and 1024, not 0"),
    ])
    func messageAndStatus(arguments: [String], message: String) throws {
        let outcome = try CastorProgram.run(arguments, in: Workspace())
        #expect(outcome.status == 64)
        #expect(outcome.errors.hasPrefix(message), "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
    }

    /// Every value that is a path: files and folders are what bash offers for it.
    @Test func pathsAreCompleted() throws {
        let script = try CastorProgram.run(["--generate-completion-script", "bash"], in: Workspace()).text
        for (option, isFile) in [
            ("'--model'", false), ("'--index'", false), ("'--data-dir'", false), ("'--output'|'-o'", true),
            ("'--batch'", true), ("'--under'", true), ("'--api-key-file'", true), ("'--tls-cert'", true),
            ("'--report'", true), ("'--tasks'", true),
        ] {
            let offered = script.components(separatedBy: "\n    \(option))\n").dropFirst()
            #expect(!offered.isEmpty, "\(option)")
            for text in offered {
                let first = text.prefix { $0 != "\n" }
                let letter = first.suffix(2)
                #expect(letter == "-f" || letter == "-d", "\(option): \(first)")
                #expect(!isFile || letter == "-f" || option.contains("-o"), "\(option): \(first)")
            }
        }
        for command in ["train", "index", "compare"] {
            let function = try #require(script.components(separatedBy: "\n_castor_\(command)() {").last)
            let positional = function.prefix(upTo: function.range(of: "\n}\n")?.lowerBound ?? function.endIndex)
                .components(separatedBy: "positional").last
            #expect(positional?.contains("__castor_add_completions -f") == true, "\(command)")
        }
    }

    /// What is wrong with a model that nobody named in the command.
    @Test func aModelOfTheEnvironmentIsSaidToBe() throws {
        let said = try CastorProgram.run(["embed", "a"], in: Workspace(), model: "/nowhere")
        #expect(said.status == 66)
        #expect(said.errors.hasSuffix("/nowhere is what CASTOR_MODEL names in the environment\n"), "\(said.errors)")
        let named = try CastorProgram.run(["embed", "a", "--model", "/nowhere"], in: Workspace())
        #expect(named.status == 66)
        #expect(!named.errors.contains("CASTOR_MODEL"), "\(named.errors)")
    }

    @Test(arguments: [
        [], ["--help"], ["embed", "--help"], ["help", "similarity"], ["info", "-h"], ["init", "--help"],
    ])
    func helpIsShownWhereAskedFor(arguments: [String]) throws {
        let outcome = try CastorProgram.run(arguments, in: Workspace())
        #expect(outcome.status == 0)
        #expect(outcome.text.contains("USAGE: castor"))
        #expect(outcome.text.split(separator: "\n").allSatisfy { $0.count <= 80 || $0.hasPrefix("USAGE:") })
        #expect(outcome.errors.isEmpty)
    }
}

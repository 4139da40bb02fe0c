import Foundation
import Testing

/// `castor similarity`, `castor info` and `castor init`.
@Suite struct SimilarityAndInfoTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
        try folder.copyMedia("rgb.png")
    }

    @Test func similarityIsTheCosine() throws {
        let outcome = try CastorProgram.run(["similarity", "a dog", "@rgb.png"], in: folder)
        #expect(outcome.status == 0)
        let vectors = try ["a dog", "@rgb.png"].map {
            try Answer(CastorProgram.run(["embed", $0], in: folder).text).embedding.values
        }
        let cosine = zip(vectors[0], vectors[1]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        let printed = try #require(Double(outcome.text.trimmingCharacters(in: .newlines)))
        #expect(abs(printed - cosine) <= Tolerance.printedCosine)
    }

    @Test func samePartsHaveSimilarityOne() throws {
        #expect(try CastorProgram.run(["similarity", "a dog", "a dog"], in: folder).text == "1.0\n")
    }

    @Test func similarityNeedsTwoParts() throws {
        #expect(try CastorProgram.run(["similarity", "a dog"], in: folder).status == 64)
        #expect(try CastorProgram.run(["similarity", "a", "b", "c"], in: folder).status == 64)
    }

    @Test func infoSaysUntrained() throws {
        let outcome = try CastorProgram.run(["info"], in: folder)
        #expect(outcome.status == 0)
        #expect(outcome.lines.contains { $0.hasPrefix("state ") && $0.contains("untrained") })
        #expect(outcome.lines.contains { $0.hasPrefix("model ") && $0.contains("castor-nano") })
    }

    @Test func infoSaysWhichKernelsRun() throws {
        func kernels(_ environment: [String: String]) throws -> String? {
            try CastorProgram.run(["info"], in: folder, environment: environment).lines
                .first { $0.hasPrefix("kernels ") }?.drop { $0 != " " }.trimmingCharacters(in: .whitespaces)
        }
        let (own, set) = (try kernels([:]), try kernels(["OPENBLAS_CORETYPE": "Prescott"]))
        #expect(own?.contains("(OpenBLAS's own choice)") == true || own?.contains("(asked for ") == true)
        #if arch(x86_64)
            #expect(set == "Prescott (OPENBLAS_CORETYPE is Prescott)")
        #endif
    }

    /// Large libraries are loaded by what needs them; the process that draws pages of PDF needs none of these.
    @Test func onlyWhatIsNeededIsLoaded() throws {
        func loaded(_ command: String) throws -> Set<String> {
            let errors = try CastorProgram.shell("LD_DEBUG=files castor \(command)", in: folder).errors
            return Set(["libopenblas", "libheif", "libavcodec"].filter(errors.contains))
        }
        #expect(try loaded("--version") == [])
        #expect(try loaded("embed hello") == ["libopenblas"])
    }

    @Test func infoAsJSON() throws {
        struct Info: Decodable {
            struct Model: Decodable {
                let name: String
                let state: String
                let dimensions: Int
                let maxTokens: Int
            }
            let version: String
            let model: Model
            let limits: [String: Double]
        }
        let outcome = try CastorProgram.run(["info", "--json"], in: folder)
        let info = try JSONDecoder().decode(Info.self, from: Data(outcome.output))
        #expect(info.model.name == "castor-nano")
        #expect(info.model.state == "untrained")
        #expect(info.model.dimensions == 3072)
        #expect(info.model.maxTokens == 8192)
        #expect(info.limits["maxImages"] == 6)
        #expect(info.limits["maxAudioSeconds"] == 180)
        #expect(try CastorProgram.run(["--version"], in: folder).text == "\(info.version)\n")
    }

    @Test func initIsAFunctionOfTheSeed() throws {
        try folder.copyModel()
        func weights(_ seed: String) throws -> [UInt8] {
            #expect(try CastorProgram.run(["init", "model", "--seed", seed], in: folder).status == 0)
            return try folder.bytes("model/model.safetensors")
        }
        let first = try weights("1")
        #expect(try weights("2") != first)
        #expect(try weights("1") == first)
        #expect(try CastorProgram.run(["embed", "a", "--model", "model"], in: folder).status == 0)
    }

    @Test func initKeepsTrainedWeights() throws {
        try folder.copyModel()
        let header = Array(#"{"__metadata__":{"castor.state":"trained"}}"#.utf8)
        let file = [UInt8(header.count), 0, 0, 0, 0, 0, 0, 0] + header
        try folder.write(file, "model/model.safetensors")
        let outcome = try CastorProgram.run(["init", "model"], in: folder)
        #expect(outcome.status == 73)
        #expect(
            outcome.errors
                == "castor: model/model.safetensors holds trained weights; move it away to make untrained ones\n")
        #expect(try folder.bytes("model/model.safetensors") == file)
    }
}

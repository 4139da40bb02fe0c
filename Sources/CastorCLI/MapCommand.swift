import ArgumentParser
import Castor
import CastorNumerics
import Comparison
import Encoder
import Evaluation
import Glibc
import Vectors

struct MapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "map",
        abstract: "Moves vectors from one space to another with a linear map.",
        discussion: """
            castor map fit local.jsonl hosted.jsonl --output to-hosted.safetensors
            castor map apply to-hosted.safetensors queries.jsonl --output mapped.jsonl
            """,
        subcommands: [Fit.self, Apply.self])

    struct Fit: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fits a map on two files of vectors of the same contents.",
            discussion: """
                The map is judged first, fitted on one half of the items and tried on the other; what it reaches is printed and kept in \
                the file. The map that is written is fitted on all items.
                """)

        @Argument(help: ArgumentHelp("Vectors to map, JSONL.", valueName: "from"), completion: .file())
        var from: String

        @Argument(
            help: ArgumentHelp("Vectors of the same contents in the space to map to, JSONL.", valueName: "to"),
            completion: .file())
        var to: String

        @Option(
            name: .shortAndLong, help: ArgumentHelp("File to write.", valueName: "file"), completion: .file())
        var output: String

        @Option(help: "procrustes: a rotation; ridge: least squares with a penalty.")
        var kind = LinearMap.Kind.ridge

        @Option(help: ArgumentHelp("Threads that compute. Default: one for each core.", valueName: "n"))
        var threads: Int?

        func validate() throws { try ModelOption.validate(threads: threads) }

        func run() throws {
            do {
                try fit()
            } catch let error as ComparisonError {
                throw Failure(error)
            }
        }

        private func fit() throws {
            try OutputFile(output).refuse(inputs: [from, to])
            try OutputFile(output).refuseSpecial()
            let pool = try WorkerPool.opened(threads: threads)
            let joined = try JoinedVectors(RecordedVectors(path: to), RecordedVectors(path: from))
            let (x, y) = (joined.candidate, joined.reference)
            let judgement = try MapJudgement(kind, keys: joined.keys, from: x, to: y, pool: pool)
            let map = try LinearMap(kind, from: x, to: y, pool: pool)
            try MapFile(map: map, direction: "\(from) to \(to)", judgement: judgement).write(to: output)
            try Terminal.output(
                Array(
                    CompareTable.aligned([
                        ["map", "fitted", "judged", "cosine", "R@1", "overlap@10", "chance@10"],
                        [kind.rawValue, "\(judgement.fitted)", "\(judgement.judged)"]
                            + [judgement.cosine, judgement.recallAt1, judgement.overlapAt10, judgement.chanceAt10].map {
                                EvaluationTable.decimal($0, 4)
                            },
                    ]).utf8))
        }
    }

    struct Apply: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Maps every vector of a file.",
            discussion: "Lines without a usable vector are left out, counted, and the first is named.")

        @Argument(help: ArgumentHelp("A map that castor map fit wrote.", valueName: "map"), completion: .file())
        var map: String

        @Argument(help: ArgumentHelp("Vectors, JSONL.", valueName: "vectors"), completion: .file())
        var vectors: String

        @Option(
            name: .shortAndLong, help: ArgumentHelp("File to write; standard output without it.", valueName: "file"),
            completion: .file())
        var output: String?

        @Option(help: ArgumentHelp("Threads that compute. Default: one for each core.", valueName: "n"))
        var threads: Int?

        func validate() throws { try ModelOption.validate(threads: threads) }

        func run() throws {
            do {
                try apply()
            } catch let error as ComparisonError {
                throw Failure(error)
            }
        }

        private func apply() throws {
            if let output { try OutputFile(output).refuse(inputs: [map, vectors]) }
            let pool = try WorkerPool.opened(threads: threads)
            let map = try MapFile(path: map).map
            let recorded = try RecordedVectors(path: vectors)
            guard recorded.dimensions == map.weights.rows else {
                throw Failure(
                    .badInput,
                    "\(vectors) has vectors of \(recorded.dimensions) values, the map takes \(map.weights.rows)")
            }
            for problem in recorded.problems {
                Terminal.error(
                    "castor: \(vectors): \(problem.count) \(problem.problem.rawValue) left out, the first: \(problem.first)\n"
                )
            }
            let mapped = map(normalizedPrefix(recorded.vectors, recorded.dimensions), pool: pool)
            var writer = JSONWriter()
            for (row, key) in recorded.keys.enumerated() {
                writer.raw("{\"key\":")
                writer.string(key)
                writer.raw(",\"response\":{\"embedding\":{\"values\":")
                writer.values(Array(UnsafeBufferPointer(start: mapped.row(row), count: mapped.columns)))
                writer.raw("}}}\n")
            }
            guard let output else { return try Terminal.output(writer.bytes) }
            try CompareCommand.write(writer.bytes, to: output)
        }
    }
}

extension LinearMap.Kind: ExpressibleByArgument {}

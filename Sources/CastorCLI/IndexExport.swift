import ArgumentParser
import Castor
import CastorNumerics
import Encoder
import Search
import Vectors

enum ExportFormat: String, ExpressibleByArgument, CaseIterable {
    case npy, jsonl
}

/// `castor index --export`: the vectors of all items, in the order of their numbers.
struct IndexExport {
    let reader: IndexReader
    let format: ExportFormat

    init(path: String, format: ExportFormat) throws {
        reader = try IndexReader(path: path, pool: try WorkerPool.opened(threads: 1))
        self.format = format
    }

    func write(to output: String?) throws {
        guard let output else { return try write { try Terminal.output($0) } }
        do {
            try StoppableWriting.run {
                let file = try AtomicFile(path: output)
                try write { bytes in
                    try StoppableWriting.check(output)
                    try bytes.withUnsafeBytes { try file.write($0) }
                }
                try file.commit()
            }
        } catch let error as ModelError { throw Failure(.cannotWrite, error.description) }
    }

    private func write(_ sink: ([UInt8]) throws -> Void) throws {
        let statistics = try reader.statistics()
        var bytes: [UInt8] = []
        if format == .npy {
            let count = statistics.items.values.reduce(0, +)
            bytes = NPYHeader.bytes(type: "<f4", shape: [count, statistics.model.dimensions])
        }
        try reader.forEachItem { hit, vector in
            switch format {
            case .npy:
                for value in vector {
                    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
                }
            case .jsonl:
                var writer = JSONWriter()
                writer.raw("{")
                writer.fields(of: hit)
                writer.raw(",\"values\":")
                writer.values(vector)
                writer.raw("}\n")
                bytes += writer.bytes
            }
            if bytes.count >= 1 << 20 {
                try sink(bytes)
                bytes.removeAll(keepingCapacity: true)
            }
        }
        try sink(bytes)
    }
}

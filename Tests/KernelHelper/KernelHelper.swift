import CastorNumerics
import Glibc

/// Loads OpenBLAS, which a process can do once, and multiplies.
///
///     KernelHelper THREADS [FAMILY...]      families whose products count as wrong
///
/// Prints what runs and why, and facts about the process afterwards; status 69 and the reason where nothing runs.
@main struct KernelHelper {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count >= 2, let threads = Int(arguments[1]) else { exit(64) }
        OpenBLAS.refused = Set(arguments.dropFirst(2))
        do throws(BLASError) {
            let pool = try WorkerPool(upTo: threads)
            let choice = try OpenBLAS.choice
            print("running \(choice.running)")
            print("why \(choice)")
            print("threads \(pool.threadCount)")
            print("product \(product(pool))")
            print("tasks \(tasks)")
            for name in ["OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS"] {
                print("\(name) \(getenv(name).map { String(cString: $0) } ?? "unset")")
            }
        } catch {
            print("error \(error)")
            exit(69)
        }
    }

    /// Each thread multiplies at the same time, several times: "right", or what is not.
    private static func product(_ pool: WorkerPool) -> String {
        let size = 150
        let a = Matrix(rows: size, columns: size, values: (0..<size * size).map { Float($0 % 7 - 3) })
        let b = Matrix(rows: size, columns: size, values: (0..<size * size).map { Float($0 % 5 - 2) })
        let results = (0..<pool.threadCount * 4).map { _ in Matrix(rows: size, columns: size) }
        pool.run(results.count) { index, _ in gemm(Block(a), .no, Block(b), .yes, into: Block(results[index])) }
        for row in 0..<size {
            for column in 0..<size {
                let expected = (0..<size).reduce(Float(0)) { $0 + a.row(row)[$1] * b.row(column)[$1] }
                if let wrong = results.first(where: { $0.row(row)[column] != expected }) {
                    return "row \(row) column \(column): \(wrong.row(row)[column]), expected \(expected)"
                }
            }
        }
        return "right"
    }

    /// Threads of this process.
    private static var tasks: Int {
        guard let folder = opendir("/proc/self/task") else { return -1 }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) { count += entry.pointee.d_name.0 == CChar(UInt8(ascii: ".")) ? 0 : 1 }
        return count
    }
}

import CMPI
package import CastorNumerics
import Glibc

/// The processes that `mpirun` started.
package struct MPIRanks: Ranks {
    package let index: Int
    package let count: Int

    /// Processes that are to train together, as Open MPI's `mpirun` says in the environment; 1 without it.
    package static var wanted: Int { getenv("OMPI_COMM_WORLD_SIZE").flatMap { Int(String(cString: $0)) } ?? 1 }

    /// Whether this build has MPI.
    package static var isBuilt: Bool { castor_mpi_is_built() }

    /// nil where MPI cannot begin. Once a process, and from then on used by the same thread.
    package init?() {
        var (rank, count): (Int32, Int32) = (0, 1)
        guard castor_mpi_begin(&rank, &count) else { return nil }
        (index, self.count) = (Int(rank), Int(count))
    }

    package func gather(_ rows: Matrix, _ stretches: [Range<Int>]) {
        for round in GatherRounds.of(stretches, columns: rows.columns) {
            castor_mpi_gather(
                rows.pointer, Int32(rows.columns), round.map { Int32($0.count) }, round.map { Int32($0.lowerBound) })
        }
    }

    package func sum(_ values: UnsafeMutableBufferPointer<Float>) {
        guard let base = values.baseAddress else { return }
        castor_mpi_sum(base, values.count)
    }

    package func largest(_ value: Int) -> Int { Int(castor_mpi_largest(Int64(value))) }

    package func first(_ bytes: [UInt8]) -> [UInt8] {
        var shared = [UInt8](repeating: 0, count: largest(isFirst ? bytes.count : 0))
        if isFirst { shared = bytes }
        shared.withUnsafeMutableBytes { castor_mpi_share($0.baseAddress, $0.count) }
        return shared
    }

    /// Leaves; waits for the others.
    package func end() { castor_mpi_end() }

    /// Ends all processes, this one included.
    package func abort(status: Int32) { castor_mpi_abort(status) }
}

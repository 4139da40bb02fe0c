import CastorNumerics
import Glibc
import Training

/// The processes of this training: one, or those that mpirun started.
struct TrainingProcesses {
    let ranks: any Ranks
    private let mpi: MPIRanks?

    /// Seconds after which a process that is not the first says itself what went wrong: most often the first has the same to say, and ends all.
    private static let patience: UInt32 = 3

    init() throws {
        guard MPIRanks.wanted > 1 else {
            (ranks, mpi) = (LoneRank(), nil)
            return
        }
        guard MPIRanks.isBuilt else {
            throw Failure(
                .unavailable,
                "mpirun started \(MPIRanks.wanted) processes, and this castor was built without MPI: swift build -c release --traits MPI"
            )
        }
        guard let mpi = MPIRanks() else { throw Failure(.unavailable, "MPI cannot begin") }
        (ranks, self.mpi) = (mpi, mpi)
    }

    func end() { mpi?.end() }

    /// Ends all processes where this one cannot go on. Returns where it is alone, and in the first of those that stop together: the others end
    /// well and in silence, so that mpirun has the first's status and ends nobody who has still something to say.
    func fail(_ failure: Failure) {
        guard let mpi, mpi.count > 1 else { return }
        if failure.status == .interrupted || failure.status == .terminated {
            mpi.end()
            if !mpi.isFirst { Terminal.end(EXIT_SUCCESS) }
            return
        }
        if !mpi.isFirst { sleep(Self.patience) }
        let place = mpi.isFirst ? "" : "process \(mpi.index + 1) of \(mpi.count): "
        for (index, message) in failure.messages.enumerated() {
            Terminal.error("\(index == 0 ? "castor: \(place)" : "")\(message)\n")
        }
        mpi.abort(status: failure.status.rawValue)
    }
}

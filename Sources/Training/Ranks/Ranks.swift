package import CastorNumerics

/// The processes that train one model together, and what each has from the others. All of them make the same calls in the same order.
///
/// Every one draws the same batches and passes its own stretch of a batch's contents through the model. Rows are gathered, so that the contrastive
/// batch spans all processes, and each computes the loss of all rows; gradients of the weights are summed.
package protocol Ranks: Sendable {
    /// Of this process, from 0.
    var index: Int { get }
    var count: Int { get }

    /// Fills in the rows that others computed.
    ///
    /// - Parameter stretches: the rows of each process, one after the other, all of `rows` together
    func gather(_ rows: Matrix, _ stretches: [Range<Int>])

    /// Puts the sum over all processes in the place of one's own.
    func sum(_ values: UnsafeMutableBufferPointer<Float>)

    /// The largest of what the processes give.
    func largest(_ value: Int) -> Int

    /// What the first process gives; what the others give is not looked at.
    func first(_ bytes: [UInt8]) -> [UInt8]
}

extension Ranks {
    /// The one that writes files and speaks to people.
    package var isFirst: Bool { index == 0 }
}

/// A process alone.
package struct LoneRank: Ranks {
    package init() {}

    package var index: Int { 0 }
    package var count: Int { 1 }
    package func gather(_ rows: Matrix, _ stretches: [Range<Int>]) {}
    package func sum(_ values: UnsafeMutableBufferPointer<Float>) {}
    package func largest(_ value: Int) -> Int { value }
    package func first(_ bytes: [UInt8]) -> [UInt8] { bytes }
}

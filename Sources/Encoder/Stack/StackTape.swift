import CastorNumerics

/// What a forward pass through a stack leaves for its backward pass. It grows to the largest batch; a pass overwrites what the last one left.
final class StackTape: @unchecked Sendable {
    /// Of one branch; `[T, ...]` each.
    struct Branch {
        /// x as the branch found it.
        var input: Matrix
        /// What its products read: `input`, or that after the norm.
        var normed: Matrix
        var operation: Operation?
        /// What the last product gave, where more is done with it, and that after the norm of the output.
        var result: (raw: Matrix, normed: Matrix)?
        /// x with the result added, where a norm follows.
        var sum: Matrix?
    }

    enum Operation {
        /// Queries, keys and values as the product has them and, where there are norms of them, as they were before.
        case attention(Attention, raw: Matrix?, qkv: Matrix, context: Matrix)
        case feedForward(up: Matrix, hidden: Matrix)
    }

    struct Layer {
        var branches: [Branch] = []
        /// x before the layer's norm, and before it is scaled.
        var beforeNorm: Matrix?
        var beforeScale: Matrix?
    }

    /// The first layer that is kept.
    let first: Int
    private(set) var layers: [Layer] = []
    /// x before the last norm.
    var beforeNorm: Matrix?
    private var kept: [Scratch] = []
    private var count = 0

    init(from first: Int) {
        self.first = first
    }

    var byteCount: Int { kept.reduce(0) { $0 + $1.byteCount } }

    func start() {
        count = 0
        layers = []
        beforeNorm = nil
    }

    func startLayer() {
        layers.append(Layer())
    }

    func startBranch(input: Matrix, normed: Matrix) {
        layer.branches.append(Branch(input: input, normed: normed))
    }

    /// The layer, and its branch, that the pass is in.
    var layer: Layer {
        get { layers[layers.count - 1] }
        set { layers[layers.count - 1] = newValue }
    }

    var branch: Branch {
        get { layer.branches[layer.branches.count - 1] }
        set { layer.branches[layer.branches.count - 1] = newValue }
    }

    func take(rows: Int, columns: Int) -> Matrix {
        if count == kept.count { kept.append(Scratch()) }
        count += 1
        return kept[count - 1].take(rows: rows, columns: columns)
    }
}

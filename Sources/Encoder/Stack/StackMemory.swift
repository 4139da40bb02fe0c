import CastorNumerics

/// Memory of one pass through a stack after the other; it grows to the largest.
final class StackMemory: @unchecked Sendable {
    enum Place {
        case input, normed, qkv, context, projected, up, hidden, perLayer
        case dNormed, dQKV, dContext, dProjected, dUp, dHidden
    }

    private struct Key: Hashable {
        let place: Place
        let columns: Int
    }

    private var places: [Key: Scratch] = [:]

    /// The same memory again for each branch: a matrix whose contents are unspecified.
    ///
    /// Matrices of different widths never share memory: one worker may be a branch ahead of another, and a row of one width lies where
    /// other rows of the other do.
    func take(_ place: Place, rows: Int, columns: Int) -> Matrix {
        let key = Key(place: place, columns: columns)
        if let scratch = places[key] { return scratch.take(rows: rows, columns: columns) }
        let scratch = Scratch()
        places[key] = scratch
        return scratch.take(rows: rows, columns: columns)
    }

    /// Bytes held.
    var byteCount: Int { places.values.reduce(0) { $0 + $1.byteCount } }
}

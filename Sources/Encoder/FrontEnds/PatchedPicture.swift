package import CastorNumerics

/// A picture cut into patches, on its way into the tower of a model of format castor-2.
package struct PatchedPicture: Sendable {
    /// `[rows * columns, values of a patch]`, in raster order.
    package let patches: Matrix
    package let rows: Int
    package let columns: Int
    /// Tokens that it has among those of its content: as many as its tower makes, or fewer from the first on where there is no more room.
    package private(set) var tokenCount: Int

    /// - Precondition: as many patches as cells
    package init(patches: Matrix, rows: Int, columns: Int, tokenCount: Int) {
        precondition(patches.rows == rows * columns && tokenCount > 0)
        self.patches = patches
        self.rows = rows
        self.columns = columns
        self.tokenCount = tokenCount
    }

    func prefix(_ count: Int) -> PatchedPicture {
        var picture = self
        picture.tokenCount = min(tokenCount, count)
        return picture
    }
}

/// The spectrogram of a sound, on its way into the tower of a model of format castor-2.
package struct SoundFrames: Sendable {
    /// `[frames, mel bands]`
    package let mel: Matrix
    /// Tokens that it has among those of its content, as of ``PatchedPicture``, from ``firstToken`` on.
    package private(set) var tokenCount: Int
    /// Of the tokens that its tower makes; the sound of a video stands among its frames piece by piece.
    package let firstToken: Int

    package init(mel: Matrix, firstToken: Int = 0, tokenCount: Int) {
        precondition(mel.rows > 0 && firstToken >= 0 && tokenCount > 0)
        self.mel = mel
        self.firstToken = firstToken
        self.tokenCount = tokenCount
    }

    func prefix(_ count: Int) -> SoundFrames {
        var sound = self
        sound.tokenCount = min(tokenCount, count)
        return sound
    }
}

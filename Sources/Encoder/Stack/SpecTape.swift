import CastorNumerics

/// What the towers of one pass leave for the backward pass, as far as something in them is trained.
final class SpecTape: @unchecked Sendable {
    /// Of all texts.
    final class Text {
        let ids: [[Int32]]
        let layout: PackedLayout
        /// Tokens before the norm in front of the stack.
        let entered: Matrix?
        /// Tokens before they were brought to the stack's width.
        var narrow: Matrix?
        let stack: StackTape?
        let vector = VectorTape()

        init(ids: [[Int32]], layout: PackedLayout, entered: Matrix?, stack: StackTape?) {
            (self.ids, self.layout, self.entered, self.stack) = (ids, layout, entered, stack)
        }
    }

    /// Of some pictures.
    final class Pictures {
        let pictures: [PatchedPicture]
        let layout: PackedLayout
        let entered: Matrix?
        let stack: StackTape?
        let vector = VectorTape()

        init(pictures: [PatchedPicture], layout: PackedLayout, entered: Matrix?, stack: StackTape?) {
            (self.pictures, self.layout, self.entered, self.stack) = (pictures, layout, entered, stack)
        }
    }

    let trained: TrainedParts
    private(set) var text: Text?
    private(set) var pictures: [Pictures] = []
    let sounds = VectorTape()
    /// Of each content its parts, and the vectors of all parts of a medium.
    private(set) var contents: [[SpecPart]] = []
    private(set) var vectors: (text: Matrix?, picture: Matrix?, sound: Matrix?)
    private let textStack: StackTape?
    /// One for each group of pictures, kept for the next pass.
    private var pictureStacks: [StackTape] = []

    init(_ trained: TrainedParts) {
        self.trained = trained
        textStack = trained.text.firstLayer.map { StackTape(from: $0) }
    }

    var byteCount: Int {
        (textStack?.byteCount ?? 0) + pictureStacks.reduce(0) { $0 + $1.byteCount }
    }

    func start() {
        text = nil
        pictures = []
        contents = []
        vectors = (nil, nil, nil)
    }

    func startTexts(_ ids: [[Int32]], _ layout: PackedLayout, hasNorm: Bool, width: Int) -> Text {
        let entered = hasNorm && trained.text.front ? Matrix(rows: layout.tokenCount, columns: width) : nil
        let tape = Text(ids: ids, layout: layout, entered: entered, stack: textStack)
        text = tape
        return tape
    }

    func startPictures(_ group: [PatchedPicture], _ layout: PackedLayout, hasNorm: Bool, width: Int) -> Pictures {
        var stack: StackTape?
        if let first = trained.image.firstLayer {
            if pictures.count == pictureStacks.count { pictureStacks.append(StackTape(from: first)) }
            stack = pictureStacks[pictures.count]
        }
        let entered = hasNorm && trained.image.front ? Matrix(rows: layout.tokenCount, columns: width) : nil
        let tape = Pictures(pictures: group, layout: layout, entered: entered, stack: stack)
        pictures.append(tape)
        return tape
    }

    func join(_ contents: [[SpecPart]], _ text: Matrix?, _ picture: Matrix?, _ sound: Matrix?) {
        self.contents = contents
        vectors = (text, picture, sound)
    }
}

/// What pooling and heads leave.
final class VectorTape {
    private(set) var layout = PackedLayout(lengths: [])
    private(set) var ends: [Int] = []
    /// What each product of the head read and gave.
    var products: [(input: Matrix, output: Matrix)] = []
    var attention: AttentionPoolTape?

    func start(_ layout: PackedLayout, _ ends: [Int]) {
        (self.layout, self.ends) = (layout, ends)
        products = []
        attention = nil
    }
}

/// What pooling by attention leaves, in the order in which it was computed.
struct AttentionPoolTape {
    let x: Matrix
    let query: Matrix
    let tokens: Matrix
    let seen: Matrix
    let y: Matrix
    let normed: Matrix
    let up: Matrix
    let hidden: Matrix
}

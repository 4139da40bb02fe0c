package import Encoder
package import Media
package import Tokenizers

/// Of models of format castor-2.
package struct ImportedFrontEnd: FrontEnd {
    let spec: ModelSpec
    /// nil where the model has no texts.
    let tokenizer: TextTokenizer?
    let options: ImportedModelOptions
    let spectrogram: Spectrogram?
    private let prompts: TaskPrompts

    package init(spec: ModelSpec, tokenizer: TextTokenizer?, options: ImportedModelOptions) {
        self.spec = spec
        self.tokenizer = tokenizer
        self.options = options
        spectrogram = spec.audio.map { Spectrogram($0.spectrogram) }
        prompts = TaskPrompts(spec.prompts, standard: spec.defaultPrompt)
    }

    package var outputDimensions: Int { spec.outputDimensions }
    package var maxTextTokens: Int {
        let most = min(spec.maxTokens, spec.text?.mostIDs ?? spec.maxTokens)
        return most - spec.sequence.begin.count - spec.sequence.end.count
    }
    package var maxTokens: Int { spec.maxTokens - spec.sequence.begin.count - spec.sequence.end.count }
    package var maxFrames: Int { 32 }
    package var frameRule: FrameRule { .wholeSteps }
    package var seesPages: Bool { spec.image != nil }
    package var textJoint: String? { spec.sequence.textJoint }

    package var media: Set<Usage.Modality> {
        var media: Set<Usage.Modality> = []
        if spec.text != nil { media.formUnion([.text, .document]) }
        if spec.image != nil { media.formUnion([.image, .video, .document]) }
        if spec.audio != nil { media.insert(.audio) }
        return media
    }

    package func prompted(_ text: String, _ task: TaskType?, title: String?) -> String {
        prompts.applied(to: text, task, title: title)
    }

    package func complete(
        _ segments: [EncoderInput.Segment]
    ) -> (segments: [EncoderInput.Segment], truncated: Bool) {
        let (begin, end) = (spec.sequence.begin, spec.sequence.end)
        guard spec.body == nil, spec.image != nil || spec.audio != nil else {
            return (marked(segments, begin: begin, end: end), false)
        }
        // Parts have a vector each, and texts their marks. A page's text and what follows it are one.
        var complete: [EncoderInput.Segment] = []
        var run = EncoderInput([])
        var truncated = false
        func close() {
            if !run.segments.isEmpty {
                if run.truncate(to: maxTextTokens) { truncated = true }
                complete += marked(run.segments, begin: begin, end: end)
            }
            run = EncoderInput([])
        }
        for segment in segments {
            if case .text = segment {
                run = EncoderInput(run.segments + [segment])
            } else {
                close()
                complete.append(segment)
            }
        }
        close()
        return (complete, truncated)
    }

    private func marked(
        _ segments: [EncoderInput.Segment], begin: [Int32], end: [Int32]
    ) -> [EncoderInput.Segment] {
        (begin.isEmpty ? [] : [.text(begin)]) + segments + (end.isEmpty ? [] : [.text(end)])
    }

    func marked(_ segment: EncoderInput.Segment, _ marks: MediumMarks?) -> [EncoderInput.Segment] {
        marked([segment], begin: marks?.begin ?? [], end: marks?.end ?? [])
    }

    // MARK: - Texts

    /// Nobody's text may hold the tokens that stand around media.
    private static let plain: TextTokenizer.Options = {
        var options = TextTokenizer.Options()
        options.addsSpecialTokens = false
        options.readsSpecialTokens = false
        return options
    }()

    /// Bytes that are counted together.
    private static let countedPiece = 256 << 10

    package func ids(_ text: String, limit: Int) throws(TextFailure) -> (ids: [Int32], truncated: Bool) {
        // Of documents, whose pages are looked at alone.
        guard let tokenizer else { return ([], false) }
        let (text, isCut) = cut(text)
        do {
            var (ids, truncated) = try tokenizer.encode(text, limit: limit, options: Self.plain)
            if let dropped = spec.sequence.dropped { ids.removeAll { dropped.contains($0) } }
            return (ids, truncated || isCut)
        } catch {
            throw TextFailure(isOfText: !error.isOfMachine, reason: error.description)
        }
    }

    /// As many characters as the model looks at.
    private func cut(_ text: String) -> (text: String, isCut: Bool) {
        guard let most = spec.sequence.mostCharacters, text.utf8.count > most,
            let end = text.unicodeScalars.index(text.startIndex, offsetBy: most, limitedBy: text.endIndex),
            end < text.endIndex
        else { return (text, false) }
        return (String(text[..<end]), true)
    }

    package func count(_ text: String, limit: Int, isCancelled: () -> Bool) throws(TextFailure) -> Int {
        var count = 0
        for piece in cut(text).text.pieces(utf8: Self.countedPiece) where count < limit && !isCancelled() {
            count += try ids(String(piece), limit: limit - count).ids.count
        }
        return count
    }
}

extension TokenizerError {
    fileprivate var isOfMachine: Bool {
        if case .library = self { true } else { false }
    }
}

extension String {
    /// In order, each of at most so many bytes, cut behind white space where there is any in its second half.
    func pieces(utf8 size: Int) -> [Substring] {
        guard utf8.count > size else { return [self[...]] }
        var pieces: [Substring] = []
        var start = startIndex
        while start < endIndex {
            guard let most = utf8.index(start, offsetBy: size, limitedBy: endIndex), most < endIndex else {
                pieces.append(self[start...])
                break
            }
            // Whole characters of Unicode, and words where it can be.
            var end = most
            while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
            let middle = utf8.index(start, offsetBy: size / 2)
            if let space = utf8[middle..<end].lastIndex(where: { $0 == 0x20 || $0 == 0x0a }), space > start {
                end = space
            }
            pieces.append(self[start..<end])
            start = end
        }
        return pieces
    }
}

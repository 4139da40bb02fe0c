/// How this process came to its kernels.
package struct KernelChoice: Sendable, Equatable {
    package enum Origin: Sendable, Equatable {
        /// OpenBLAS's own choice.
        case own
        /// OPENBLAS_CORETYPE, which says this.
        case user(String)
        /// OpenBLAS was loaded before, by the program that this library is part of.
        case host
        /// Asked for, because OpenBLAS's own choice was another.
        case asked(KernelFamily, own: String)
    }

    /// The family that OpenBLAS says it runs.
    package var running: String
    package var origin: Origin
    /// Families that gave wrong products, in the order they were tried.
    package var wrong: [String] = []

    package init(running: String, origin: Origin) {
        self.running = running
        self.origin = origin
    }
}

/// Finds kernels that fit the processor and compute rightly: OpenBLAS's own choice where it is good, else one that is asked for.
///
/// `Library` is OpenBLAS loaded once, which runs one family for as long as it is loaded.
package struct KernelSearch<Library> {
    /// nil where OpenBLAS is left alone.
    package var processor: Processor?
    /// What OPENBLAS_CORETYPE says; nil where it is not set.
    package var setting: String?
    package var open: (KernelFamily?) throws(BLASError) -> Library
    package var close: (Library) -> Void
    package var name: (Library) -> String
    package var wasThere: (Library) -> Bool
    /// Whether trial products come out right.
    package var isRight: (Library) -> Bool

    package init(
        processor: Processor?, setting: String?, open: @escaping (KernelFamily?) throws(BLASError) -> Library,
        close: @escaping (Library) -> Void, name: @escaping (Library) -> String,
        wasThere: @escaping (Library) -> Bool, isRight: @escaping (Library) -> Bool
    ) {
        self.processor = processor
        self.setting = setting
        self.open = open
        self.close = close
        self.name = name
        self.wasThere = wasThere
        self.isRight = isRight
    }

    package func callAsFunction() throws(BLASError) -> (Library, KernelChoice) {
        var library = try open(nil)
        let own = name(library)
        if wasThere(library) { return try onlyIfRight(library, KernelChoice(running: own, origin: .host)) }
        if let setting {
            if let processor, let family = KernelFamily(rawValue: own), family.instructions > processor.instructions {
                close(library)
                throw .unusable(kernels: own, processor: processor.description)
            }
            return try onlyIfRight(library, KernelChoice(running: own, origin: .user(setting)))
        }
        guard let processor else { return try onlyIfRight(library, KernelChoice(running: own, origin: .own)) }

        var choice = KernelChoice(running: own, origin: .own)
        if let better = KernelFamily.better(than: own, on: processor) {
            library = try reopened(library, better, &choice, own: own)
        }
        if isRight(library) { return (library, choice) }
        choice.wrong.append(choice.running)
        for family in KernelFamily.others(after: choice.running, on: processor) {
            library = try reopened(library, family, &choice, own: own)
            // A build may hold fewer families than names.
            if choice.wrong.contains(choice.running) { continue }
            if isRight(library) { return (library, choice) }
            choice.wrong.append(choice.running)
        }
        close(library)
        throw .wrong(kernels: choice.wrong)
    }

    private func reopened(
        _ library: Library, _ family: KernelFamily, _ choice: inout KernelChoice, own: String
    ) throws(BLASError) -> Library {
        close(library)
        let library = try open(family)
        choice.running = name(library)
        choice.origin = .asked(family, own: own)
        return library
    }

    private func onlyIfRight(_ library: Library, _ choice: KernelChoice) throws(BLASError) -> (Library, KernelChoice) {
        if isRight(library) { return (library, choice) }
        close(library)
        throw .wrong(kernels: [choice.running])
    }
}

extension KernelChoice: CustomStringConvertible {
    /// One line: what runs, and why.
    package var description: String {
        let reason =
            switch origin {
            case .own: "OpenBLAS's own choice"
            case .user(let setting): "OPENBLAS_CORETYPE is \(setting)"
            case .host: "OpenBLAS's choice when another part of the program loaded it"
            case .asked(let family, let own):
                if wrong.isEmpty {
                    "asked for \(family.rawValue): OpenBLAS takes this processor for \(own)"
                } else {
                    "asked for \(family.rawValue): wrong products by \(wrong.joined(separator: ", "))"
                }
            }
        return "\(running) (\(reason))"
    }
}

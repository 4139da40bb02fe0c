import CastorNumerics
import Testing

/// The search for kernels over an OpenBLAS that is made up: what it takes a processor for, what it knows, what it computes wrongly.
@Suite struct KernelSearchTests {
    /// Runs the family that it is asked for, where it knows the name; else `own`.
    private final class Simulated {
        var own = "Prescott"
        var known = Set(KernelFamily.allCases.map(\.rawValue))
        var wrong: Set<String> = []
        var wasThere = false
        var isMissing = false
        var opened: [KernelFamily?] = []
        var isOpen = false

        func search(_ processor: Processor?, setting: String? = nil) -> KernelSearch<String> {
            KernelSearch(
                processor: processor, setting: setting,
                open: { (family) throws(BLASError) in
                    if self.isMissing { throw .missing(reason: "not there") }
                    #expect(!self.isOpen, "loaded while it is loaded")
                    self.isOpen = true
                    self.opened.append(family)
                    if let family, self.known.contains(family.rawValue) { return family.rawValue }
                    return self.own
                },
                close: { _ in self.isOpen = false }, name: { $0 }, wasThere: { _ in self.wasThere },
                isRight: { !self.wrong.contains($0) })
        }
    }

    private let emerald = Processor(
        vendor: "GenuineIntel", family: 6, model: 207, instructions: .avx512, hasBFloat16: true)
    private let zen = Processor(vendor: "AuthenticAMD", family: 25, model: 1, instructions: .avx2, hasBFloat16: false)

    @Test func goodChoiceStandsAndIsLoadedOnce() throws {
        let library = Simulated()
        library.own = "Zen"
        #expect(try library.search(zen)() == ("Zen", KernelChoice(running: "Zen", origin: .own)))
        #expect(library.opened == [nil] && library.isOpen)
    }

    @Test func poorChoiceIsReplaced() throws {
        let library = Simulated()
        let (running, choice) = try library.search(emerald)()
        #expect(running == "Cooperlake")
        #expect(choice == KernelChoice(running: "Cooperlake", origin: .asked(.cooperlake, own: "Prescott")))
        #expect(library.opened == [nil, .cooperlake] && library.isOpen)
        #expect("\(choice)" == "Cooperlake (asked for Cooperlake: OpenBLAS takes this processor for Prescott)")
    }

    @Test func wrongProductsLeadDownTheLadder() throws {
        let library = Simulated()
        library.wrong = ["Cooperlake", "SkylakeX"]
        let (running, choice) = try library.search(emerald)()
        #expect(running == "Haswell")
        #expect(choice.wrong == ["Cooperlake", "SkylakeX"])
        #expect(library.opened == [nil, .cooperlake, .skylakeX, .haswell])
        #expect("\(choice)" == "Haswell (asked for Haswell: wrong products by Cooperlake, SkylakeX)")
    }

    @Test func ownChoiceThatIsWrongIsReplaced() throws {
        let library = Simulated()
        library.own = "Zen"
        library.wrong = ["Zen"]
        #expect(try library.search(zen)().0 == "Sandybridge")
        // One that is on no ladder.
        library.own = "Excavator"
        library.wrong = ["Excavator"]
        library.isOpen = false
        #expect(try library.search(zen)().0 == "Zen")
    }

    @Test func allWrongIsAnErrorAndUnloads() {
        let library = Simulated()
        library.wrong = Set(KernelFamily.allCases.map(\.rawValue))
        let names = ["Cooperlake", "SkylakeX", "Haswell", "Sandybridge", "Nehalem", "Prescott"]
        #expect(throws: BLASError.wrong(kernels: names)) { _ = try library.search(emerald)() }
        #expect(!library.isOpen)
    }

    /// One that was built for a single family runs that whatever it is asked for.
    @Test func buildOfOneFamilyIsTriedOnce() {
        let library = Simulated()
        library.known = []
        library.own = "Haswell"
        library.wrong = ["Haswell"]
        #expect(throws: BLASError.wrong(kernels: ["Haswell"])) { _ = try library.search(zen)() }
        #expect(!library.isOpen)
    }

    @Test func settingOfTheUserStands() throws {
        let library = Simulated()
        library.own = "Nehalem"
        let (_, choice) = try library.search(emerald, setting: "Nehalem")()
        #expect(choice == KernelChoice(running: "Nehalem", origin: .user("Nehalem")))
        #expect(library.opened == [nil])
        #expect("\(choice)" == "Nehalem (OPENBLAS_CORETYPE is Nehalem)")
    }

    @Test func settingThatComputesWronglyIsAnError() {
        let library = Simulated()
        library.own = "Nehalem"
        library.wrong = ["Nehalem"]
        #expect(throws: BLASError.wrong(kernels: ["Nehalem"])) {
            _ = try library.search(emerald, setting: "Nehalem")()
        }
    }

    @Test func settingThatTheProcessorCannotRunIsAnError() {
        let library = Simulated()
        library.own = "SkylakeX"
        #expect(
            throws: BLASError.unusable(
                kernels: "SkylakeX", processor: "AuthenticAMD family 25 model 1 with AVX2")
        ) { _ = try library.search(zen, setting: "SkylakeX")() }
        #expect(!library.isOpen)
    }

    /// What a host has loaded it has chosen, too.
    @Test func loadedByTheHost() throws {
        let library = Simulated()
        library.wasThere = true
        #expect(try library.search(emerald)().1 == KernelChoice(running: "Prescott", origin: .host))
        #expect(library.opened == [nil])
        library.wrong = ["Prescott"]
        library.isOpen = false
        #expect(throws: BLASError.wrong(kernels: ["Prescott"])) { _ = try library.search(emerald)() }
    }

    @Test func otherProcessorsAreLeftAlone() throws {
        let library = Simulated()
        library.own = "NEOVERSEN1"
        #expect(try library.search(nil)().1 == KernelChoice(running: "NEOVERSEN1", origin: .own))
        library.wrong = ["NEOVERSEN1"]
        library.isOpen = false
        #expect(throws: BLASError.wrong(kernels: ["NEOVERSEN1"])) { _ = try library.search(nil)() }
    }

    @Test func missingLibrary() {
        let library = Simulated()
        library.isMissing = true
        #expect(throws: BLASError.missing(reason: "not there")) { _ = try library.search(emerald)() }
    }
}

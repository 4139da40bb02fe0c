/// Families of kernels that OpenBLAS holds for x86, by the names it takes in OPENBLAS_CORETYPE. These are the ladder that its
/// own choice is judged by; it knows more, for single processors, where its choice stands.
package enum KernelFamily: String, Sendable, CaseIterable {
    // From the plainest to the fastest.
    case katmai = "Katmai"
    case coppermine = "Coppermine"
    case northwood = "Northwood"
    case banias = "Banias"
    case prescott = "Prescott"
    case nehalem = "Nehalem"
    case sandybridge = "Sandybridge"
    case zen = "Zen"
    case haswell = "Haswell"
    case skylakeX = "SkylakeX"
    case cooperlake = "Cooperlake"
    case sapphireRapids = "SapphireRapids"

    /// What a processor must have to run it.
    package var instructions: Processor.Instructions {
        switch self {
        case .katmai, .coppermine, .northwood, .banias, .prescott: .baseline
        case .nehalem: .sse42
        case .sandybridge: .avx
        case .zen, .haswell: .avx2
        case .skylakeX, .cooperlake, .sapphireRapids: .avx512
        }
    }

    /// What to ask for, the fastest first. Cooperlake's single precision is SkylakeX's; it is what OpenBLAS itself gives to all
    /// that have bfloat16, and where a version does not find that name (0.3.21), it chooses by instructions, as wanted.
    package static func ladder(_ processor: Processor) -> [KernelFamily] {
        let isAMD = processor.vendor == "AuthenticAMD" || processor.vendor == "HygonGenuine"
        let all: [KernelFamily] =
            (processor.hasBFloat16 ? [.cooperlake] : [])
            + [.skylakeX, isAMD ? .zen : .haswell, .sandybridge, .nehalem, .prescott]
        return all.filter { $0.instructions <= processor.instructions }
    }

    /// What to ask for in the place of OpenBLAS's own choice; nil where that is as good, or is one that only it can judge.
    ///
    /// Its choice goes by model numbers. Version 0.3.21 takes every processor of Intel's family 6 with a number above 175 for a
    /// Pentium 4 (Emerald Rapids, Raptor Lake, Arrow Lake), and every Zen of the first two generations for one with AVX2, also
    /// where a hypervisor hides that.
    package static func better(than own: String, on processor: Processor) -> KernelFamily? {
        guard let own = KernelFamily(rawValue: own), own.instructions != processor.instructions else { return nil }
        return ladder(processor).first
    }

    /// What to try, in this order, where kernels of this name compute wrongly.
    package static func others(after name: String, on processor: Processor) -> [KernelFamily] {
        let ladder = ladder(processor)
        guard let family = KernelFamily(rawValue: name) else { return ladder }
        if let index = ladder.firstIndex(of: family) { return Array(ladder[(index + 1)...]) }
        return ladder.filter { $0.instructions <= family.instructions }
    }
}

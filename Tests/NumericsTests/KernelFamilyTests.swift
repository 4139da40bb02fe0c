import CastorNumerics
import Testing

/// Which kernels a processor gets, by what `cpuid` says: a table of processors, and of what is hidden from them.
@Suite struct KernelFamilyTests {
    /// `own` is what OpenBLAS 0.3.21 chooses by itself (its driver/others/dynamic.c).
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var cpuid: Processor.CPUID
        var family: Int
        var model: Int
        var instructions: Processor.Instructions
        var own: String
        /// nil where OpenBLAS's own choice stands.
        var asked: KernelFamily?

        var testDescription: String { name }
    }

    static let intel: [UInt32] = [0x756E_6547, 0x4965_6E69, 0x6C65_746E]
    static let amd: [UInt32] = [0x6874_7541, 0x6974_6E65, 0x444D_4163]

    /// Registers that have these bits, and others besides that do not matter here.
    static func cpuid(
        _ vendor: [UInt32], _ signature: UInt32, sse42: Bool = true, avx: Bool = true, fma: Bool = true,
        avx2: Bool = true,
        avx512: Bool = false, bfloat16: Bool = false, saved: UInt32 = 0xE7
    ) -> Processor.CPUID {
        var (leaf1, leaf7, leaf71): (UInt32, UInt32, UInt32) = (1, 1, 1)
        if sse42 { leaf1 |= 1 << 20 }
        if avx { leaf1 |= 1 << 27 | 1 << 28 }
        if fma { leaf1 |= 1 << 12 }
        if avx2 { leaf7 |= 1 << 5 }
        if avx512 { leaf7 |= 1 << 16 | 1 << 17 | 1 << 28 | 1 << 30 | 1 << 31 }
        if bfloat16 { leaf71 |= 1 << 5 }
        return Processor.CPUID(
            vendor: vendor, leaf1EAX: signature, leaf1ECX: leaf1, leaf7EBX: leaf7, leaf71EAX: leaf71, saved: saved)
    }

    static let rows: [Row] = [
        Row(
            name: "Pentium 4 (Prescott)",
            cpuid: cpuid(intel, 0x0F41, sse42: false, avx: false, fma: false, avx2: false, saved: 0),
            family: 15, model: 4, instructions: .baseline, own: "Prescott"),
        Row(
            name: "Core 2 (Penryn)",
            cpuid: cpuid(intel, 0x1067A, sse42: false, avx: false, fma: false, avx2: false, saved: 0),
            family: 6, model: 0x17, instructions: .baseline, own: "Penryn"),
        Row(
            name: "Nehalem", cpuid: cpuid(intel, 0x106A5, avx: false, fma: false, avx2: false, saved: 0), family: 6,
            model: 0x1A, instructions: .sse42, own: "Nehalem"),
        Row(
            name: "Tremont (Jasper Lake), unknown to 0.3.21",
            cpuid: cpuid(intel, 0x906C0, avx: false, fma: false, avx2: false, saved: 3), family: 6, model: 0x9C,
            instructions: .sse42, own: "Prescott", asked: .nehalem),
        Row(
            name: "Sandy Bridge", cpuid: cpuid(intel, 0x206A7, fma: false, avx2: false, saved: 7), family: 6,
            model: 0x2A, instructions: .avx, own: "Sandybridge"),
        Row(
            name: "Sandy Bridge, whose system saves no AVX registers",
            cpuid: cpuid(intel, 0x206A7, fma: false, avx2: false, saved: 3), family: 6, model: 0x2A,
            instructions: .sse42, own: "Nehalem"),
        Row(
            name: "Haswell", cpuid: cpuid(intel, 0x306C3, saved: 7), family: 6, model: 0x3C, instructions: .avx2,
            own: "Haswell"),
        Row(
            name: "Haswell in a machine that hides FMA", cpuid: cpuid(intel, 0x306C3, fma: false, saved: 7), family: 6,
            model: 0x3C, instructions: .avx, own: "Haswell", asked: .sandybridge),
        Row(
            name: "Skylake-X", cpuid: cpuid(intel, 0x50654, avx512: true), family: 6, model: 0x55,
            instructions: .avx512, own: "SkylakeX"),
        Row(
            name: "Skylake-X, whose system saves no AVX-512 registers",
            cpuid: cpuid(intel, 0x50654, avx512: true, saved: 7),
            family: 6, model: 0x55, instructions: .avx2, own: "Haswell"),
        Row(
            name: "Cascade Lake", cpuid: cpuid(intel, 0x50657, avx512: true), family: 6, model: 0x55,
            instructions: .avx512, own: "SkylakeX"),
        Row(
            name: "Cooper Lake", cpuid: cpuid(intel, 0x5065B, avx512: true, bfloat16: true), family: 6, model: 0x55,
            instructions: .avx512, own: "Cooperlake"),
        Row(
            name: "Ice Lake", cpuid: cpuid(intel, 0x606A6, avx512: true), family: 6, model: 0x6A,
            instructions: .avx512, own: "SkylakeX"),
        Row(
            name: "Sapphire Rapids", cpuid: cpuid(intel, 0x806F8, avx512: true, bfloat16: true), family: 6, model: 0x8F,
            instructions: .avx512, own: "Cooperlake"),
        Row(
            name: "Sapphire Rapids with an OpenBLAS that knows it",
            cpuid: cpuid(intel, 0x806F8, avx512: true, bfloat16: true), family: 6, model: 0x8F, instructions: .avx512,
            own: "SapphireRapids"),
        Row(
            name: "Granite Rapids", cpuid: cpuid(intel, 0xA06D0, avx512: true, bfloat16: true), family: 6, model: 0xAD,
            instructions: .avx512, own: "Cooperlake"),
        Row(
            name: "Emerald Rapids", cpuid: cpuid(intel, 0xC06F2, avx512: true, bfloat16: true), family: 6, model: 0xCF,
            instructions: .avx512, own: "Prescott", asked: .cooperlake),
        Row(
            name: "Emerald Rapids in a machine that hides bfloat16", cpuid: cpuid(intel, 0xC06F2, avx512: true),
            family: 6,
            model: 0xCF, instructions: .avx512, own: "Prescott", asked: .skylakeX),
        Row(
            name: "Emerald Rapids in a machine that hides AVX-512", cpuid: cpuid(intel, 0xC06F2, saved: 7), family: 6,
            model: 0xCF, instructions: .avx2, own: "Prescott", asked: .haswell),
        Row(
            name: "Emerald Rapids in a machine that hides AVX",
            cpuid: cpuid(intel, 0xC06F2, avx: false, fma: false, avx2: false, saved: 0), family: 6, model: 0xCF,
            instructions: .sse42, own: "Prescott", asked: .nehalem),
        Row(
            name: "Raptor Lake", cpuid: cpuid(intel, 0xB0671, saved: 7), family: 6, model: 0xB7, instructions: .avx2,
            own: "Prescott", asked: .haswell),
        Row(
            name: "Arrow Lake", cpuid: cpuid(intel, 0xC0660, saved: 7), family: 6, model: 0xC6, instructions: .avx2,
            own: "Prescott", asked: .haswell),
        Row(
            name: "a model that takes a small number in its last half byte", cpuid: cpuid(intel, 0xB0610, saved: 7),
            family: 6, model: 0xB1, instructions: .avx2, own: "Northwood", asked: .haswell),
        Row(
            name: "Knights Landing, which has other parts of AVX-512",
            cpuid: {
                var answer = cpuid(intel, 0x50671)
                answer.leaf7EBX |= 1 << 16 | 1 << 28
                return answer
            }(), family: 6, model: 0x57, instructions: .avx2, own: "Haswell"),
        Row(
            name: "Jaguar, which OpenBLAS has kernels of its own for",
            cpuid: cpuid(amd, 0x700F01, fma: false, avx2: false, saved: 7),
            family: 22, model: 0x00, instructions: .avx, own: "Bobcat"),
        Row(
            name: "Zen 1", cpuid: cpuid(amd, 0x800F11, saved: 7), family: 23, model: 0x01, instructions: .avx2,
            own: "Zen"),
        Row(
            name: "Zen 1 in a machine that hides AVX2", cpuid: cpuid(amd, 0x800F11, avx2: false, saved: 7), family: 23,
            model: 0x01, instructions: .avx, own: "Zen", asked: .sandybridge),
        Row(
            name: "Zen 2", cpuid: cpuid(amd, 0x830F10, saved: 7), family: 23, model: 0x31, instructions: .avx2,
            own: "Zen"),
        Row(
            name: "Zen 3", cpuid: cpuid(amd, 0xA00F11, saved: 7), family: 25, model: 0x01, instructions: .avx2,
            own: "Zen"),
        Row(
            name: "Zen 4", cpuid: cpuid(amd, 0xA10F11, avx512: true, bfloat16: true), family: 25, model: 0x11,
            instructions: .avx512, own: "Cooperlake"),
        Row(
            name: "Zen 4, taken for an older one", cpuid: cpuid(amd, 0xA10F11, saved: 7), family: 25, model: 0x11,
            instructions: .avx2, own: "Prescott", asked: .zen),
        Row(
            name: "Zen 5", cpuid: cpuid(amd, 0xB00F21, avx512: true, bfloat16: true), family: 26, model: 0x02,
            instructions: .avx512, own: "Cooperlake"),
        Row(
            name: "a family of a later OpenBLAS", cpuid: cpuid(intel, 0xD0670, avx512: true, bfloat16: true), family: 6,
            model: 0xD7, instructions: .avx512, own: "DiamondRapids"),
    ]

    @Test(arguments: rows) func choice(row: Row) {
        let processor = Processor(row.cpuid)
        #expect(processor.vendor == (row.cpuid.vendor == Self.intel ? "GenuineIntel" : "AuthenticAMD"))
        #expect((processor.family, processor.model) == (row.family, row.model))
        #expect(processor.instructions == row.instructions)
        #expect(KernelFamily.better(than: row.own, on: processor) == row.asked)
    }

    /// Whatever is asked for, this processor can run it.
    @Test(arguments: rows) func ladderIsWhatTheProcessorCanRun(row: Row) {
        let processor = Processor(row.cpuid)
        let ladder = KernelFamily.ladder(processor)
        #expect(ladder.last == .prescott)
        #expect(ladder.allSatisfy { $0.instructions <= processor.instructions })
        #expect(ladder.contains(.cooperlake) == processor.hasBFloat16)
        let steps = ladder.map(\.instructions)
        #expect(steps == steps.sorted(by: >))
        for family in KernelFamily.allCases {
            let others = KernelFamily.others(after: family.rawValue, on: processor)
            #expect(!others.contains(family) && others.allSatisfy(ladder.contains))
        }
    }
}

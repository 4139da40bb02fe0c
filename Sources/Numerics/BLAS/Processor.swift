internal import COpenBLAS

/// What of a processor decides which kernels it runs best. x86 alone: elsewhere OpenBLAS's choice stands.
package struct Processor: Sendable, Equatable {
    /// Sets of instructions, each with those before it. A set counts when the processor has all of it and the operating system
    /// saves its registers.
    package enum Instructions: Int, Sendable, Comparable, CaseIterable {
        case baseline, sse42, avx
        /// With FMA.
        case avx2
        /// The parts F, DQ, CD, BW and VL: those of Skylake-X.
        case avx512

        package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    package var vendor: String
    package var family: Int
    package var model: Int
    package var instructions: Instructions
    /// AVX512-BF16.
    package var hasBFloat16: Bool

    package init(vendor: String, family: Int, model: Int, instructions: Instructions, hasBFloat16: Bool) {
        self.vendor = vendor
        self.family = family
        self.model = model
        self.instructions = instructions
        self.hasBFloat16 = hasBFloat16
    }

    /// This machine's; nil where it is no x86.
    package static let current: Processor? = {
        var answer = castor_cpuid()
        guard castor_read_cpuid(&answer) else { return nil }
        return Processor(
            CPUID(
                vendor: [answer.vendor.0, answer.vendor.1, answer.vendor.2], leaf1EAX: answer.leaf_1_eax,
                leaf1ECX: answer.leaf_1_ecx, leaf7EBX: answer.leaf_7_ebx, leaf71EAX: answer.leaf_7_1_eax,
                saved: answer.saved))
    }()
}

extension Processor {
    /// The registers that `cpuid` answers with; names and bits are those of Intel's manual, volume 2, "CPUID".
    package struct CPUID: Sendable, Equatable {
        package var vendor: [UInt32]
        package var leaf1EAX, leaf1ECX, leaf7EBX, leaf71EAX: UInt32
        /// XCR0: the registers that the operating system saves.
        package var saved: UInt32

        package init(
            vendor: [UInt32], leaf1EAX: UInt32, leaf1ECX: UInt32, leaf7EBX: UInt32, leaf71EAX: UInt32, saved: UInt32
        ) {
            self.vendor = vendor
            self.leaf1EAX = leaf1EAX
            self.leaf1ECX = leaf1ECX
            self.leaf7EBX = leaf7EBX
            self.leaf71EAX = leaf71EAX
            self.saved = saved
        }
    }

    package init(_ answer: CPUID) {
        func bits(_ register: UInt32, _ numbers: Int...) -> Bool { numbers.allSatisfy { register >> $0 & 1 == 1 } }
        let bytes = answer.vendor.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        vendor = String(decoding: bytes, as: UTF8.self)
        let (base, extended) = (Int(answer.leaf1EAX >> 8 & 0xF), Int(answer.leaf1EAX >> 20 & 0xFF))
        family = base == 0xF ? base + extended : base
        let (low, high) = (Int(answer.leaf1EAX >> 4 & 0xF), Int(answer.leaf1EAX >> 16 & 0xF))
        model = base == 0xF || base == 6 ? high << 4 | low : low
        // SSE and AVX registers; masks, upper halves and the registers 16 to 31 of AVX-512.
        let savesAVX = bits(answer.saved, 1, 2)
        let savesAVX512 = savesAVX && bits(answer.saved, 5, 6, 7)
        let sse42 = bits(answer.leaf1ECX, 20)
        let avx = sse42 && bits(answer.leaf1ECX, 27, 28) && savesAVX
        let avx2 = avx && bits(answer.leaf1ECX, 12) && bits(answer.leaf7EBX, 5)
        let avx512 = avx2 && bits(answer.leaf7EBX, 16, 17, 28, 30, 31) && savesAVX512
        instructions = avx512 ? .avx512 : avx2 ? .avx2 : avx ? .avx : sse42 ? .sse42 : .baseline
        hasBFloat16 = avx512 && bits(answer.leaf71EAX, 5)
    }
}

extension Processor.Instructions: CustomStringConvertible {
    package var description: String {
        switch self {
        case .baseline: "SSE3"
        case .sse42: "SSE4.2"
        case .avx: "AVX"
        case .avx2: "AVX2"
        case .avx512: "AVX-512"
        }
    }
}

extension Processor: CustomStringConvertible {
    package var description: String { "\(vendor) family \(family) model \(model) with \(instructions)" }
}

import Glibc
import Media

/// Decodes the file on standard input, and says what came of it and what it cost.
///
///     MediaHelper MIME-TYPE MEGABYTES SECONDS [START]     address space and processor time that decoding may take; where in a video to begin
///
/// Prints the verdict, the megabytes of address space that decoding took and the processor's seconds, a line each. Where the time is over,
/// the kernel ends it; where the memory is, the decoder gets none.
@main struct MediaHelper {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4, let type = MediaType(mimeType: arguments[1]), let megabytes = Int(arguments[2]),
            let seconds = Int(arguments[3])
        else { exit(64) }
        let bytes = input()
        // Loads the libraries, whose address space is no file's fault.
        _ = MediaLibraries.versions
        let before = (memory: figure("VmSize:"), time: processorSeconds())
        limit(RLIMIT_AS, rlim_t((before.memory + megabytes << 10) << 10))
        limit(RLIMIT_CPU, rlim_t(before.time.rounded(.up)) + rlim_t(seconds))
        limit(RLIMIT_CORE, 0)
        let verdict = verdict(bytes, type, start: arguments.count > 4 ? Double(arguments[4]) : nil)
        print(verdict.replacing("\n", with: " "))
        print((figure("VmPeak:") - before.memory) >> 10)
        print(processorSeconds() - before.time)
    }

    private static func verdict(_ bytes: [UInt8], _ type: MediaType, start: Double?) -> String {
        do {
            switch type {
            case .image(let format):
                let image = try ImageDecoder.decode(bytes.span.bytes, format: format)
                return "\(image.image.width) x \(image.image.height) \(image.notes)"
            case .audio(let format):
                let clip = try AudioDecoder.decode(bytes.span.bytes, format: format)
                return "\(clip.samples.count) samples \(clip.notes)"
            case .video(let format):
                let video = try VideoDecoder.decode(
                    bytes.span.bytes, format: format, selection: VideoSelection(start: start), maxFrames: 32,
                    wantsSound: true
                ) { _ in ImageSize(width: 32, height: 24) }
                let samples = video.sound?.samples.count ?? 0
                return "\(video.frames.count) frames, \(samples) samples \(video.notes) \(video.sound?.notes ?? [])"
            case .document:
                let document = try DocumentReader.decode(bytes.span.bytes)
                return "\(document.pages.count) pages \(document.notes)"
            }
        } catch { return "error: \(error)" }
    }

    private static func input() -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 20)
        while case let count = read(0, &block, block.count), count > 0 { bytes += block[..<count] }
        return bytes
    }

    private static func limit(_ resource: __rlimit_resource, _ most: rlim_t) {
        var bound = rlimit(rlim_cur: most, rlim_max: most)
        guard setrlimit(__rlimit_resource_t(resource.rawValue), &bound) == 0 else { exit(71) }
    }

    /// Of this process, by all its threads.
    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }

    /// In kB.
    private static func figure(_ name: String) -> Int {
        guard let file = fopen("/proc/self/status", "r") else { exit(71) }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix(name) else { continue }
            return text.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
        }
        exit(71)
    }
}

import Foundation
import Glibc
import Media
import Synchronization
import Testing

/// The processes that render documents, looked at from outside.
@Suite struct DocumentProcessTests {
    private enum Deed { case kill, stop }

    /// The process that renders this document, once it has its name; others render, too. It has the document as descriptor 3.
    private func renderer(of bytes: [UInt8], but known: Set<Int32>) -> Int32? {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap(Int32.init) ?? []
        return processes.first { process in
            !known.contains(process)
                && (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)) == "castor-pdf\n"
                && (try? Data(contentsOf: URL(filePath: "/proc/\(process)/fd/3"))) == Data(bytes)
        }
    }

    /// What comes of a document without an end whose process somebody does that to, so many times, and of which nobody waits for a further one;
    /// and the processes.
    private func decode(
        _ deed: Deed, times: Int, seconds: Double
    ) -> (error: MediaError?, processes: Set<Int32>) {
        let bytes = Builder.endlessDocument() + Array("% \(UUID())\n".utf8)
        let cancellation = Cancellation()
        let result = Mutex<(isDone: Bool, error: MediaError?)>((false, nil))
        Thread.detachNewThread {
            var limits = MediaLimits()
            limits.maxDocumentSeconds = seconds
            limits.cancellation = cancellation
            var failure: MediaError?
            do throws(MediaError) { _ = try DocumentReader.decode(bytes.span.bytes, limits: limits) } catch {
                failure = error
            }
            result.withLock { $0 = (true, failure) }
        }
        var processes: Set<Int32> = []
        while !result.withLock({ $0.isDone }) {
            if let process = renderer(of: bytes, but: processes) {
                processes.insert(process)
                if processes.count > times {
                    cancellation.cancel()
                } else {
                    kill(process, deed == .kill ? SIGKILL : SIGSTOP)
                }
            }
            usleep(5_000)
        }
        return (result.withLock { $0.error }, processes)
    }

    @Test func aDocumentWhoseProcessIsKilledIsTriedOnceMore() {
        let ended = DecoderEndings.count
        let once = decode(.kill, times: 1, seconds: 100_000)
        #expect(once.processes.count == 2)
        #expect(once.error == .cancelled)
        let twice = decode(.kill, times: 2, seconds: 100_000)
        #expect(twice.processes.count == 2)
        #expect(twice.error == .documentProcess("it was ended by the system (signal 9)"))
        #expect(DecoderEndings.count >= ended + 3)
    }

    @Test func oneThatIsStoppedIsGivenUpAndNotItsDocument() {
        let stopped = decode(.stop, times: 2, seconds: 1)
        #expect(stopped.processes.count == 2)
        #expect(stopped.error == .documentProcess("it was stopped from outside"))
    }
}

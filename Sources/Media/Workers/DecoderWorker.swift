private import CWorker
import Glibc

/// What a file's decoding may cost.
struct DecodingBounds {
    /// Of work, or of waiting for anything but a processor.
    var seconds: Double
    /// Bytes of address space.
    var memory: Int
}

/// What decoders have shut themselves out from.
package struct DecoderConfinement: Sendable, Equatable {
    /// The kernel's version of Landlock; 0 where it has none.
    package var landlock: Int
    /// Whether system calls that they do not need are refused (seccomp).
    package var systemCalls: Bool
}

/// A process that decodes one file after the other, seen from the one that asks. One thread at a time.
final class DecoderWorker {
    private var handle: castor_worker
    private var message = [UInt8](repeating: 0, count: Int(CASTOR_WORKER_MAX_MESSAGE))
    private(set) var confinement: DecoderConfinement?
    private(set) var fileCount = 0
    private var isRunning = true

    /// Starts the process; it is ready when it says so. Throws `decoderProcess`.
    init(program: String, environment: String?) throws(MediaError) {
        var handle = castor_worker()
        let error = environment.withOptionalCString { castor_worker_start(&handle, program, $0) }
        guard error == 0 else {
            throw .decoderProcess("a process cannot be started: \(String(cString: strerror(error)))")
        }
        self.handle = handle
    }

    deinit { end() }

    /// Whether it can be asked. One that gave way to others while a file took long would do so for the next file, too.
    var isUsable: Bool { isRunning && !handle.gives_way }

    /// Whether it waits to be asked, as far as can be seen. One that says more than it was asked for does not.
    var isThere: Bool { isRunning && castor_worker_is_there(&handle, confinement != nil) }

    var processID: Int32 { handle.process }

    /// Ends the process, whatever it does: what `waitpid` gives.
    @discardableResult func end() -> Int32 {
        guard isRunning else { return 0 }
        isRunning = false
        return castor_worker_end(&handle)
    }

    /// Waits until it has loaded its libraries and shut itself in. Throws `decoderProcess` and `cancelled`.
    func meet(_ isCancelled: () -> Bool) throws(MediaError) -> DecoderConfinement {
        if let confinement { return confinement }
        do throws(MediaError) {
            let message = try receive(DecodingBounds(seconds: 60, memory: 0), isCancelled)
            var sandbox = castor_sandbox()
            guard message.withUnsafeBytes({ castor_worker_is_hello($0.baseAddress, $0.count, &sandbox) }) else {
                end()
                throw .decoderProcess("it does not say that it is ready")
            }
            let met = DecoderConfinement(landlock: Int(sandbox.landlock), systemCalls: sandbox.system_calls)
            confinement = met
            return met
        } catch {
            guard case .decoderStopped(let reason) = error else { throw error }
            throw .decoderProcess("before any file, \(reason)")
        }
    }

    /// One file's result.
    ///
    /// - Parameters:
    ///   - question: the size that a picture of this size may be reduced to, and the room for the result
    ///   - result: reads the message, and the pixels or samples by ``copy(_:_:)``
    /// - Throws: what decoding throws, `decoderStopped`, `decoderProcess` and `cancelled`.
    func decode<Result>(
        _ request: WorkerRequest, _ bytes: UnsafeRawBufferPointer, _ bounds: DecodingBounds, _ isCancelled: () -> Bool,
        question: (ImageSize) throws(WorkerLie) -> WorkerTarget,
        result: (inout MessageReader, DecoderWorker) throws(WorkerLie) -> Result
    ) throws(MediaError) -> Result {
        _ = try meet(isCancelled)
        fileCount += 1
        defer { if isRunning { castor_worker_clear(&handle) } }
        try check(castor_worker_begin(&handle, bytes.baseAddress, bytes.count, bounds.seconds, bounds.memory))
        try check(castor_worker_set_room(&handle, request.room))
        send(request)
        while true {
            var reader = MessageReader(try receive(bounds, isCancelled))
            switch WorkerAnswer(rawValue: try believed { () throws(WorkerLie) in try reader.byte() }) {
            case .question?:
                let target = try believed { () throws(WorkerLie) in
                    try question(try reader.whole { reader throws(WorkerLie) in try reader.size(in: 1...Int.max) })
                }
                try check(castor_worker_set_room(&handle, target.room))
                send(target)
            case .result?:
                return try believed { () throws(WorkerLie) in
                    try reader.whole { reader throws(WorkerLie) in try result(&reader, self) }
                }
            case .error?:
                throw try believed { () throws(WorkerLie) in
                    try reader.whole { reader throws(WorkerLie) in try reader.error() }
                }
            case nil: try believed { () throws(WorkerLie) in throw WorkerLie() }
            }
        }
    }

    /// Copies from the results. Throws where there are not that many.
    func copy<Value: BitwiseCopyable>(
        _ type: Value.Type, _ count: Int, at offset: Int = 0
    ) throws(WorkerLie) -> [Value] {
        var isThere = false
        let values = [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            isThere = castor_worker_copy(&handle, offset, buffer.baseAddress, count * MemoryLayout<Value>.stride)
            initialized = isThere ? count : 0
        }
        guard isThere else { throw WorkerLie() }
        return values
    }

    // MARK: - Messages

    /// Whoever lies once may have been taken over.
    private func believed<Result>(_ body: () throws(WorkerLie) -> Result) throws(MediaError) -> Result {
        do throws(WorkerLie) { return try body() } catch {
            end()
            throw .decoderStopped("its decoder gives an answer that makes no sense")
        }
    }

    private func check(_ error: Int32) throws(MediaError) {
        guard error != 0 else { return }
        end()
        throw .decoderProcess("no memory is shared with it: \(String(cString: strerror(error)))")
    }

    /// That it does not arrive shows when an answer is awaited.
    private func send<Message>(_ message: Message) {
        withUnsafeBytes(of: message) { _ = castor_worker_send(&handle, $0.baseAddress, $0.count) }
    }

    private func receive(
        _ bounds: DecodingBounds, _ isCancelled: () -> Bool
    ) throws(MediaError) -> ArraySlice<UInt8> {
        var count = 0
        while true {
            let status = message.withUnsafeMutableBytes {
                castor_worker_receive(&handle, $0.baseAddress, $0.count, &count)
            }
            switch status {
            case CASTOR_WORKER_OK: return message[..<count]
            case CASTOR_WORKER_WAITING:
                guard isCancelled() else { continue }
                end()
                throw .cancelled
            case CASTOR_WORKER_ENDED: throw .decoderStopped(Ending(end()).reason(bounds))
            case CASTOR_WORKER_TOO_SLOW:
                end()
                throw .decoderStopped(Ending.tooSlow.reason(bounds))
            default: return try believed { () throws(WorkerLie) in throw WorkerLie() }
            }
        }
    }
}

/// How a worker ended.
private enum Ending {
    case tooSlow
    case refusedCall
    case signal(Int32)
    case itself

    /// - Parameter status: what `waitpid` gives
    init(_ status: Int32) {
        let signal = status & 0x7F
        switch signal {
        case 0: self = .itself
        case SIGXCPU: self = .tooSlow
        case SIGSYS: self = .refusedCall
        default: self = .signal(signal)
        }
    }

    func reason(_ bounds: DecodingBounds) -> String {
        switch self {
        case .tooSlow: "it takes longer than \(rounded(bounds.seconds)) s"
        case .refusedCall: "its decoder tried what a decoder may not do"
        case .signal(let signal):
            "its decoder ended with signal \(signal), or needs more than \(bounds.memory >> 20) MiB of memory"
        case .itself: "its decoder ended without an answer"
        }
    }
}

extension String? {
    fileprivate func withOptionalCString<Result>(_ body: (UnsafePointer<CChar>?) -> Result) -> Result {
        if let self { self.withCString { body($0) } } else { body(nil) }
    }
}

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
    /// Whether it ended, or stood still, by somebody's hand: no file's fault.
    private(set) var wasEndedFromOutside = false

    /// Starts the process; it is ready when it says so. Throws `decoderProcess`.
    init(program: String, environment: String?) throws(MediaError) {
        var handle = castor_worker()
        let error = environment.withOptionalCString { castor_worker_start(&handle, program, $0) }
        guard error == 0 else {
            throw .decoderProcess("a process cannot be started: \(Self.text(error))")
        }
        self.handle = handle
    }

    deinit { end() }

    /// Whether it can be asked. One that gave way to others while a file took long would do so for the next file, too.
    var isUsable: Bool { isRunning && !handle.gives_way }

    /// Whether it waits to be asked, as far as can be seen. One that says more than it was asked for does not.
    var isThere: Bool { isRunning && castor_worker_is_there(&handle, confinement != nil) }

    var processID: Int32 { handle.process }

    /// Ends the process, whatever it does.
    func end() {
        guard isRunning else { return }
        isRunning = false
        castor_worker_end(&handle)
    }

    /// What `errno` means, with the limit where it is the shell's.
    private static func text(_ error: Int32) -> String {
        let text = String(cString: strerror(error))
        var files = rlimit()
        guard error == EMFILE, getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 else { return text }
        return "\(text) (ulimit -n \(files.rlim_cur))"
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
            throw given("its decoder gives an answer that makes no sense")
        }
    }

    private func check(_ error: Int32) throws(MediaError) {
        guard error != 0 else { return }
        end()
        throw .decoderProcess("no memory is shared with it: \(Self.text(error))")
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
            case CASTOR_WORKER_ENDED:
                isRunning = false
                throw over(Ending(castor_worker_ending(&handle)), bounds)
            case CASTOR_WORKER_TOO_SLOW:
                let ending = castor_worker_was_stopped(&handle) ? Ending.stopped : .tooSlow
                end()
                throw over(ending, bounds)
            default: return try believed { () throws(WorkerLie) in throw WorkerLie() }
            }
        }
    }

    private func over(_ ending: Ending, _ bounds: DecodingBounds) -> MediaError {
        guard ending.isFromOutside else { return given(ending.reason(bounds)) }
        wasEndedFromOutside = true
        DecoderEndings.note(ending.reason(bounds), isDocument: false)
        return .decoderProcess(ending.reason(bounds))
    }

    /// The file's doing.
    private func given(_ reason: String) -> MediaError {
        DecoderEndings.note(reason, isDocument: false)
        return .decoderStopped(reason)
    }
}

/// How a worker ended.
private enum Ending {
    case tooSlow
    case stopped
    case killed
    case refusedCall
    case signal(Int32)
    case itself

    /// - Parameter status: what `waitpid` gives
    init(_ status: Int32) {
        let signal = status & 0x7F
        switch signal {
        case 0: self = .itself
        case SIGXCPU: self = .tooSlow
        // It cannot send this to itself, and this process has not.
        case SIGKILL: self = .killed
        case SIGSYS: self = .refusedCall
        default: self = .signal(signal)
        }
    }

    var isFromOutside: Bool {
        switch self {
        case .stopped, .killed: true
        case .tooSlow, .refusedCall, .signal, .itself: false
        }
    }

    func reason(_ bounds: DecodingBounds) -> String {
        switch self {
        case .tooSlow: "it takes longer than \(rounded(bounds.seconds)) s"
        case .stopped: "it was stopped from outside"
        case .killed: "it was ended by the system (signal \(SIGKILL))"
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

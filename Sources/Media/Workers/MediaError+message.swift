extension MessageWriter {
    mutating func append(_ error: MediaError) {
        switch error {
        case .empty: append(UInt8(0))
        case .unrecognised: append(UInt8(1))
        case .mismatch(let declared, let found):
            append(UInt8(2))
            append(declared.mimeType)
            append(found?.mimeType ?? "")
        case .damaged(let format, let reason): append(3, format, reason)
        case .unsupported(let what): append(4, what)
        case .imageTooLarge(let width, let height, let sideLimit, let pixelLimit):
            append(5, width, height, sideLimit, pixelLimit)
        case .audioTooLong(let seconds, let limit):
            append(UInt8(6))
            append(seconds)
            append(limit)
        case .noAudio: append(UInt8(7))
        case .noSamples(let format): append(8, format)
        case .badSampleRate(let rate, let lowest, let highest): append(9, rate, lowest, highest)
        case .tooManyChannels(let count, let limit): append(10, count, limit)
        case .libraryMissing(let reason, let packages): append(11, reason, packages)
        case .noVideo: append(UInt8(12))
        case .videoTooLong(let seconds, let limit, let withSound):
            append(UInt8(13))
            append(seconds)
            append(limit)
            append(UInt8(withSound ? 1 : 0))
        case .frameTooLarge(let width, let height, let sideLimit, let pixelLimit):
            append(14, width, height, sideLimit, pixelLimit)
        case .tooManyFrames(let limit): append(15, limit)
        case .badVideoRange(let reason): append(16, reason)
        case .tooManyPages(let count, let limit): append(17, count, limit)
        case .encrypted: append(UInt8(18))
        case .documentTooCostly(let reason): append(19, reason)
        case .documentLibraryMissing(let reason): append(20, reason)
        case .textRecognitionMissing(let reason): append(21, reason)
        case .documentProcess(let reason): append(22, reason)
        case .decoderStopped(let reason): append(23, reason)
        case .decoderProcess(let reason): append(24, reason)
        case .cancelled: append(UInt8(25))
        case .tooCostly(let format, let reason): append(26, format, reason)
        case .outOfMemory(let format): append(27, format)
        }
    }

    private mutating func append(_ tag: UInt8, _ texts: String...) {
        append(tag)
        for text in texts { append(text) }
    }

    private mutating func append(_ tag: UInt8, _ numbers: Int...) {
        append(tag)
        for number in numbers { append(number) }
    }
}

extension MessageReader {
    mutating func error() throws(WorkerLie) -> MediaError {
        switch try byte() {
        case 0: .empty
        case 1: .unrecognised
        case 2: try mismatch()
        case 3: .damaged(format: try text(), reason: try text())
        case 4: .unsupported(try text())
        case 5:
            .imageTooLarge(
                width: try int(), height: try int(), sideLimit: try int(), pixelLimit: try int())
        case 6: .audioTooLong(seconds: try double(), limit: try double())
        case 7: .noAudio
        case 8: .noSamples(format: try text())
        case 9: .badSampleRate(try int(), lowest: try int(), highest: try int())
        case 10: .tooManyChannels(try int(), limit: try int())
        case 11: .libraryMissing(reason: try text(), packages: try text())
        case 12: .noVideo
        case 13: .videoTooLong(seconds: try double(), limit: try double(), withSound: try byte() != 0)
        case 14:
            .frameTooLarge(
                width: try int(), height: try int(), sideLimit: try int(), pixelLimit: try int())
        case 15: .tooManyFrames(limit: try int())
        case 16: .badVideoRange(try text())
        case 17: .tooManyPages(count: try int(), limit: try int())
        case 18: .encrypted
        case 19: .documentTooCostly(try text())
        case 20: .documentLibraryMissing(try text())
        case 21: .textRecognitionMissing(try text())
        case 22: .documentProcess(try text())
        case 23: .decoderStopped(try text())
        case 24: .decoderProcess(try text())
        case 25: .cancelled
        case 26: .tooCostly(format: try text(), reason: try text())
        case 27: .outOfMemory(format: try text())
        default: throw WorkerLie()
        }
    }

    private mutating func mismatch() throws(WorkerLie) -> MediaError {
        let declared = try mediaType()
        let found = try text()
        guard !found.isEmpty else { return .mismatch(declared: declared, found: nil) }
        guard let type = MediaType(mimeType: found) else { throw WorkerLie() }
        return .mismatch(declared: declared, found: type)
    }
}

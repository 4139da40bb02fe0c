/// Bytes of a part: an array, or memory that something else keeps, such as a mapped file. Copies share them.
///
/// ```swift
/// let part = Part.data(ByteSource(bytes), mimeType: "image/png")
/// ```
public struct ByteSource: @unchecked Sendable {
    private enum Storage {
        case array([UInt8])
        case region(UnsafeRawBufferPointer, owner: AnyObject)
    }

    private let storage: Storage

    /// The bytes of an array.
    public init(_ bytes: [UInt8]) {
        storage = .array(bytes)
    }

    /// Bytes that nobody changes as long as `owner` lives.
    package init(_ bytes: UnsafeRawBufferPointer, owner: some AnyObject & Sendable) {
        storage = .region(bytes, owner: owner)
    }

    /// In bytes.
    public var count: Int {
        switch storage {
        case .array(let bytes): bytes.count
        case .region(let bytes, _): bytes.count
        }
    }

    /// Whether there are no bytes.
    public var isEmpty: Bool { count == 0 }

    /// Lends the bytes for the time of the call.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch storage {
        case .array(let bytes):
            return try bytes.span.bytes.withUnsafeBytes { (bytes) throws(Failure) in try body(bytes) }
        case .region(let bytes, let owner):
            defer { withExtendedLifetime(owner) {} }
            return try body(bytes)
        }
    }

    /// The array itself, or a copy.
    package var array: [UInt8] {
        switch storage {
        case .array(let bytes): bytes
        case .region(let bytes, let owner): withExtendedLifetime(owner) { Array(bytes) }
        }
    }
}

extension ByteSource: Equatable {
    /// Whether the bytes are equal, wherever they lie.
    public static func == (left: ByteSource, right: ByteSource) -> Bool {
        switch (left.storage, right.storage) {
        case (.array(let left), .array(let right)): left == right
        case (.region(let left, _), .region(let right, _))
        where left.baseAddress == right.baseAddress && left.count == right.count: true
        default:
            left.withUnsafeBytes { left in right.withUnsafeBytes { right in left.elementsEqual(right) } }
        }
    }
}

extension Sequence<UInt8> {
    /// Whether there are control characters that no text has: all but white space, the bell, backspace and escape.
    package var hasControls: Bool { contains { $0 < 32 && !(7...13).contains($0) && $0 != 27 } }
}

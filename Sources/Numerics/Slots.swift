/// One value a piece of parallel work; each piece writes its own.
package final class Slots<Value: Sendable>: @unchecked Sendable {
    private let storage: UnsafeMutableBufferPointer<Value?>

    package init(count: Int) {
        storage = .allocate(capacity: count)
        storage.initialize(repeating: nil)
    }

    deinit {
        storage.deinitialize()
        storage.deallocate()
    }

    package subscript(index: Int) -> Value {
        get { storage[index]! }
        set { storage[index] = newValue }
    }

    package var values: [Value] { storage.map { $0! } }
}

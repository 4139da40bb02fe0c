import GRDB
import Store

extension Row {
    /// A column's value. GRDB ends the process where one is of another kind than asked for, which in a damaged file any may be.
    func value<Value: DatabaseValueConvertible>(_ index: Int) throws -> Value {
        guard index < count, let value = Value.fromDatabaseValue(self[index] as DatabaseValue) else {
            throw StoreError.storage(reason: "column \(index) has a value of another kind")
        }
        return value
    }
}

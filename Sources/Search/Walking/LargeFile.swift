private import CMapping
package import Castor
import Glibc

/// A large file in memory as it lies on the disk. Where somebody cuts it meanwhile, zeros are read, and ``isCut`` tells.
package final class LargeFile: @unchecked Sendable {
    private var mapping = castor_mapping()

    /// nil where the machine does not let; `errno` says why.
    package init?(_ descriptor: Int32, size: Int) {
        let code = castor_mapping_open(&mapping, descriptor, size)
        guard code == 0 else {
            errno = code
            return nil
        }
    }

    deinit { castor_mapping_close(&mapping) }

    package var isCut: Bool { castor_mapping_is_cut(&mapping) }

    package var bytes: ByteSource {
        ByteSource(UnsafeRawBufferPointer(start: mapping.start, count: mapping.size), owner: self)
    }
}

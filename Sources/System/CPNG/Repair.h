#pragma once

#include <stddef.h>
#include <stdint.h>

/// A copy, to be freed, of a file whose rows are all there and whose end is damaged: everything up to the last byte of its last row, with
/// right checksums, and nothing behind it. NULL where rows are missing, or their checksums say that they are not what was written.
///
/// - count: of `bytes`, and then of the copy
uint8_t *castor_png_repaired(const uint8_t *bytes, size_t *count);

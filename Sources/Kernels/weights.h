// How weights lie in memory, for those who multiply with them.
#pragma once

#include <stddef.h>
#include <string.h>

#include "row_product.h"

#define GROUPS(k) (((k) + CASTOR_ROWS_GROUP - 1) / CASTOR_ROWS_GROUP)

// Sums stay in registers only if every loop over them is gone before variables are assigned to these.
#define UNROLL _Pragma("clang loop unroll(full)")

/// Bytes of a value.
static const size_t sizes[] = {[CASTOR_ROWS_F32] = 4, [CASTOR_ROWS_BF16] = 2, [CASTOR_ROWS_F16] = 2, [CASTOR_ROWS_I8] = 1};

/// One at any address.
static inline __attribute__((always_inline)) float scale_at(const char *scales, size_t index) {
    float scale;
    memcpy(&scale, scales + 4 * index, 4);
    return scale;
}

#pragma once

#include <stddef.h>

/// x = e^(x - shift) of `count` values, a multiple of 8; their sum, in the order and with the bits of the Swift code that does the same eight
/// values at a time. For processors with AVX-512 (castor_rows_best).
float castor_exponentials_avx512(float *x, float shift, size_t count);

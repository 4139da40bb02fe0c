#pragma once

#include <stddef.h>

/// x = e^(x - shift) of `count` values, a multiple of 8; their sum, in the order and with the bits of the Swift code that does the same by
/// what every processor has. For processors with AVX2 (castor_rows_best).
float castor_exponentials_avx2(float *x, float shift, size_t count);

/// The same by AVX-512.
float castor_exponentials_avx512(float *x, float shift, size_t count);

#pragma once

#include <stddef.h>

typedef enum {
    CASTOR_GELU,
    CASTOR_GELU_TANH,
    CASTOR_GELU_QUICK,
    CASTOR_SILU,
} castor_activation;

/// y = activation(x), times `factor` where that is not null, of `count` values, a multiple of 8, with the bits of the Swift code that does the same
/// by what every processor has (Sources/Numerics/Activations.swift). `y` may be either. For processors with AVX2 (castor_rows_best).
void castor_activate_avx2(castor_activation activation, const float *x, const float *factor, float *y, size_t count);

/// The same of a multiple of 16 values by AVX-512.
void castor_activate_avx512(castor_activation activation, const float *x, const float *factor, float *y, size_t count);

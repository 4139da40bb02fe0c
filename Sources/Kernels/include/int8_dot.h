// Dot products of one vector of eight-bit integers with many rows of them: the scan of a search. Integers, so that every path gives equal sums.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef enum {
    CASTOR_DOT_PORTABLE,
    CASTOR_DOT_AVX2,
    CASTOR_DOT_VNNI, // AVX-512
} castor_dot_kernel;

/// Of a row: a multiple of this many values.
enum { CASTOR_DOT_MULTIPLE = 64 };

/// The best that the processor has.
castor_dot_kernel castor_dot_best(void);

/// sums[i] = the dot product of `query` and row i of `rows` [count, size], for -127...127 in both; `size` is a multiple of CASTOR_DOT_MULTIPLE
/// and at most 65,536.
void castor_dot_i8(
    castor_dot_kernel kernel, const int8_t *rows, size_t count, size_t size, const int8_t *query, int32_t *sums);

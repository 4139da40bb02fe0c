// Products of few rows with a large matrix of weights that stays in the format that it came in: y = x W^T. Nothing of W is packed or widened
// beforehand. A row's bits do not depend on the rows beside it, nor on how columns are divided among threads.
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    CASTOR_ROWS_F32,
    CASTOR_ROWS_BF16,
    CASTOR_ROWS_F16,
    CASTOR_ROWS_I8,
} castor_rows_format;

typedef enum {
    CASTOR_ROWS_NONE, // the processor has neither
    CASTOR_ROWS_AVX2, // with FMA and F16C
    CASTOR_ROWS_AVX512,
} castor_rows_kernel;

/// The best that the processor has.
castor_rows_kernel castor_rows_best(void);

/// Values of room that `m` rows of `k` values need.
size_t castor_rows_room(castor_rows_kernel kernel, size_t m, size_t k);

/// Brings rows of `x`, `stride` values apart, into the order in which the product reads them, cut to `bounds`, a least and a largest value, if
/// there are any.
void castor_rows_pack(
    castor_rows_kernel kernel, castor_rows_format format, size_t m, size_t k, const float *x, size_t stride, const float *bounds,
    float *room);

/// Values of a row in eight bits that have a scale in common; the last of a row may be fewer.
enum { CASTOR_ROWS_GROUP = 64 };

/// `y = x W^T + b + beta y` for `n` columns of y, `stride` values apart between rows.
///
/// `weights` are n rows of k values; `scales` are those of eight bits (null for other formats): for each row one a group, four bytes each, at any
/// address. `bias` may be null.
void castor_rows_product(
    castor_rows_kernel kernel, castor_rows_format format, size_t m, size_t n, size_t k, const float *room, const void *weights,
    const void *scales, const float *bias, float beta, float *y, size_t stride);

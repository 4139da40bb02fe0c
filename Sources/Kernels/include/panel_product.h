// Products of many rows with a matrix of weights: y = x W^T. A few columns of W at a time are brought into panels, in the order in which a tile reads
// them, which costs little beside some dozen rows; nothing of W is kept. Every output is summed in one order, some terms of k at a time, so that a row's bits depend
// neither on the rows beside it nor on how columns are divided among threads.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "row_product.h"

typedef enum {
    CASTOR_PANELS_NONE,
    CASTOR_PANELS_AVX2,     // single precision
    CASTOR_PANELS_AVX512,   // single precision, the same bits
    CASTOR_PANELS_BFLOAT16, // AVX512-BF16: both factors are rounded to bfloat16, sums are in single precision
    CASTOR_PANELS_INT8,     // AVX512-VNNI: weights in eight bits, rows rounded to eight bits with a scale a group, as weights have
    CASTOR_PANELS_INT8_AVX2, // the same bits by AVX2
} castor_panels_kernel;

/// Whether the processor has it.
bool castor_panels_available(castor_panels_kernel kernel);

/// `y = x W^T + b + beta y` for `m` rows of x and of y and `n` columns of y, rows `x_stride` and `y_stride` values apart.
///
/// `weights`, `scales` and `bias` as in castor_rows_product; what is no number makes none. False where the thread has no memory for panels, which it keeps.
bool castor_panels_product(
    castor_panels_kernel kernel, castor_rows_format format, size_t m, size_t n, size_t k, const float *x, size_t x_stride,
    const void *weights, const void *scales, const float *bias, float beta, float *y, size_t y_stride);

/// The same for few rows, by the kernel of row_product.h.
bool castor_few_rows_product(
    castor_rows_kernel kernel, castor_rows_format format, size_t m, size_t n, size_t k, const float *x, size_t x_stride,
    const void *weights, const void *scales, const float *bias, float beta, float *y, size_t y_stride);

#ifndef CASTOR_BFLOAT16_H
#define CASTOR_BFLOAT16_H
#include <stdbool.h>
#include <stddef.h>

/// Whether this processor multiplies pairs of bfloat16 numbers (AVX512-BF16: Zen 4, Cooper Lake, Sapphire Rapids and later).
bool castor_bfloat16_available(void);

/// C = op(A) op(B) + beta C: row-major single precision in memory, A and B rounded to bfloat16 on the way, sums in single precision.
///
/// op(A) [m, k], op(B) [k, n], C [m, n]; a stride is the number of values between the starts of two rows. beta 0 does not read C.
/// Equal arguments give equal bits, whatever other rows or columns the matrices have. Returns false, with C untouched, where the
/// processor can't or memory is out.
bool castor_bfloat16_gemm(
    bool transpose_a, bool transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, float alpha, const float *a, ptrdiff_t stride_a,
    const float *b, ptrdiff_t stride_b, float beta, float *c, ptrdiff_t stride_c);

#endif

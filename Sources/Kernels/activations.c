#include "activations.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2")))
#define LANES 8
#define V(operation) _mm256_##operation
#define vector __m256
#define BITS(x) _mm256_castps_si256(x)
#define FLOATS(x) _mm256_castsi256_ps(x)
#define WHERE_NEGATIVE(x, a, b) _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ))
#include "activation.h"
#include "widths_end.h"

#define NAME(x) x##_avx512
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl")))
#define LANES 16
#define V(operation) _mm512_##operation
#define vector __m512
#define BITS(x) _mm512_castps_si512(x)
#define FLOATS(x) _mm512_castsi512_ps(x)
#define WHERE_NEGATIVE(x, a, b) _mm512_mask_mov_ps(b, _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), a)
#include "activation.h"
#include "widths_end.h"

#else

void castor_activate_avx2(castor_activation activation, const float *x, const float *factor, float *y, size_t count) {
    (void)activation, (void)x, (void)factor, (void)y, (void)count;
    __builtin_trap();
}

void castor_activate_avx512(castor_activation activation, const float *x, const float *factor, float *y, size_t count) {
    (void)activation, (void)x, (void)factor, (void)y, (void)count;
    __builtin_trap();
}

#endif

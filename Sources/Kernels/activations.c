#include "activations.h"

#include "exponential.h"

#if defined(__x86_64__)

#define ONE _mm512_set1_ps(1)
#define ALWAYS __attribute__((always_inline))

// As the functions of these names in Sources/Numerics, step by step.

WIDE static inline ALWAYS __m512 gelu(__m512 x) {
    __mmask16 is_negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
    __m512 z = _mm512_mul_ps(_mm512_mask_sub_ps(x, is_negative, _mm512_setzero_ps(), x), _mm512_set1_ps(0.70710678f));
    __m512 t = _mm512_div_ps(ONE, _mm512_add_ps(_mm512_mul_ps(z, _mm512_set1_ps(0.3275911f)), ONE));
    __m512 p = _mm512_sub_ps(_mm512_mul_ps(t, _mm512_set1_ps(1.0614054f)), _mm512_set1_ps(1.453152f));
    p = _mm512_add_ps(_mm512_mul_ps(p, t), _mm512_set1_ps(1.4214138f));
    p = _mm512_sub_ps(_mm512_mul_ps(p, t), _mm512_set1_ps(0.28449674f));
    p = _mm512_add_ps(_mm512_mul_ps(p, t), _mm512_set1_ps(0.2548296f));
    __m512 e = exponential(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(z, z)));
    __m512 tail = _mm512_mul_ps(_mm512_mul_ps(_mm512_mul_ps(p, t), e), _mm512_set1_ps(0.5f));
    return _mm512_mul_ps(x, _mm512_mask_mov_ps(_mm512_sub_ps(ONE, tail), is_negative, tail));
}

WIDE static inline ALWAYS __m512 gelu_tanh(__m512 x) {
    __m512 inner = _mm512_add_ps(_mm512_mul_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(-0.07135482f)), _mm512_set1_ps(-1.59576912f));
    return _mm512_div_ps(x, _mm512_add_ps(exponential(_mm512_mul_ps(x, inner)), ONE));
}

WIDE static inline ALWAYS __m512 gelu_quick(__m512 x) {
    return _mm512_div_ps(x, _mm512_add_ps(exponential(_mm512_mul_ps(x, _mm512_set1_ps(-1.702f))), ONE));
}

WIDE static inline ALWAYS __m512 silu(__m512 x) {
    return _mm512_div_ps(x, _mm512_add_ps(exponential(_mm512_sub_ps(_mm512_setzero_ps(), x)), ONE));
}

WIDE void castor_activate_avx512(castor_activation activation, const float *x, const float *factor, float *y, size_t count) {
#define ALL(function)                                                                                                                       \
    for (size_t index = 0; index < count; index += 16) {                                                                                    \
        __m512 value = function(_mm512_loadu_ps(x + index));                                                                                \
        _mm512_storeu_ps(y + index, factor ? _mm512_mul_ps(value, _mm512_loadu_ps(factor + index)) : value);                                \
    }                                                                                                                                       \
    break;
    switch (activation) {
    case CASTOR_GELU: ALL(gelu)
    case CASTOR_GELU_TANH: ALL(gelu_tanh)
    case CASTOR_GELU_QUICK: ALL(gelu_quick)
    case CASTOR_SILU: ALL(silu)
    }
#undef ALL
}

#else

void castor_activate_avx512(castor_activation activation, const float *x, const float *factor, float *y, size_t count) {
    (void)activation, (void)x, (void)factor, (void)y, (void)count;
    __builtin_trap();
}

#endif

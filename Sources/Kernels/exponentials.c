#include "exponentials.h"

#if defined(__x86_64__)
#include <immintrin.h>

// What is fused has other bits.
#pragma STDC FP_CONTRACT OFF

#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl")))

// As `exp` in Sources/Numerics/VectorMath.swift, step by step.
TARGET static inline __m512 exponential(__m512 x) {
    x = _mm512_min_ps(_mm512_set1_ps(88.3f), x);
    x = _mm512_max_ps(_mm512_set1_ps(-87.3f), x);
    __m512 magic = _mm512_set1_ps(12582912);
    __m512 shifted = _mm512_add_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), magic);
    __m512 n = _mm512_sub_ps(shifted, magic);
    __m512 r = _mm512_sub_ps(x, _mm512_mul_ps(n, _mm512_set1_ps(0.693359375f)));
    r = _mm512_add_ps(r, _mm512_mul_ps(n, _mm512_set1_ps(2.1219444e-4f)));
    __m512 p = _mm512_add_ps(_mm512_mul_ps(r, _mm512_set1_ps(1.9875692e-4f)), _mm512_set1_ps(1.39819995e-3f));
    p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(8.333452e-3f));
    p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(4.1665796e-2f));
    p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(1.6666665e-1f));
    p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(5.0000001e-1f));
    p = _mm512_add_ps(_mm512_add_ps(_mm512_mul_ps(p, _mm512_mul_ps(r, r)), r), _mm512_set1_ps(1));
    __m512i bits = _mm512_add_epi32(_mm512_castps_si512(shifted), _mm512_set1_epi32(127));
    return _mm512_mul_ps(p, _mm512_castsi512_ps(_mm512_slli_epi32(bits, 23)));
}

TARGET float castor_exponentials_avx512(float *x, float shift, size_t count) {
    __m512 shifts = _mm512_set1_ps(shift);
    __m256 sums = _mm256_setzero_ps();
    size_t index = 0;
    for (; index + 16 <= count; index += 16) {
        __m512 e = exponential(_mm512_sub_ps(_mm512_loadu_ps(x + index), shifts));
        _mm512_storeu_ps(x + index, e);
        sums = _mm256_add_ps(sums, _mm512_castps512_ps256(e));
        sums = _mm256_add_ps(sums, _mm512_extractf32x8_ps(e, 1));
    }
    if (index < count) {
        __m512 e = exponential(_mm512_sub_ps(_mm512_castps256_ps512(_mm256_loadu_ps(x + index)), shifts));
        _mm256_storeu_ps(x + index, _mm512_castps512_ps256(e));
        sums = _mm256_add_ps(sums, _mm512_castps512_ps256(e));
    }
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(two) + _mm_cvtss_f32(_mm_shuffle_ps(two, two, 1));
}

#else

float castor_exponentials_avx512(float *x, float shift, size_t count) {
    (void)x, (void)shift, (void)count;
    __builtin_trap();
}

#endif

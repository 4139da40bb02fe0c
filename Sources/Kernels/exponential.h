#pragma once

#if defined(__x86_64__)
#include <immintrin.h>

// What is fused has other bits.
#pragma STDC FP_CONTRACT OFF

#define WIDE __attribute__((target("avx512f,avx512dq,avx512vl")))

/// As `exp` in Sources/Numerics/VectorMath.swift, step by step.
WIDE static inline __m512 exponential(__m512 x) {
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

#endif

#include "exponentials.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2")))
#define V(operation) _mm256_##operation
#define vector __m256
#define BITS(x) _mm256_castps_si256(x)
#define FLOATS(x) _mm256_castsi256_ps(x)
#include "exponential.h"
#include "widths_end.h"

#define NAME(x) x##_avx512
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl")))
#define V(operation) _mm512_##operation
#define vector __m512
#define BITS(x) _mm512_castps_si512(x)
#define FLOATS(x) _mm512_castsi512_ps(x)
#include "exponential.h"
#include "widths_end.h"

#define AVX2 __attribute__((target("avx2")))
#define WIDE __attribute__((target("avx512f,avx512dq,avx512vl")))

AVX2 static inline float sum_of(__m256 sums) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(two) + _mm_cvtss_f32(_mm_shuffle_ps(two, two, 1));
}

AVX2 float castor_exponentials_avx2(float *x, float shift, size_t count) {
    __m256 shifts = _mm256_set1_ps(shift), sums = _mm256_setzero_ps();
    for (size_t index = 0; index < count; index += 8) {
        __m256 e = exponential_avx2(_mm256_sub_ps(_mm256_loadu_ps(x + index), shifts));
        _mm256_storeu_ps(x + index, e);
        sums = _mm256_add_ps(sums, e);
    }
    return sum_of(sums);
}

WIDE float castor_exponentials_avx512(float *x, float shift, size_t count) {
    __m512 shifts = _mm512_set1_ps(shift);
    __m256 sums = _mm256_setzero_ps();
    size_t index = 0;
    for (; index + 16 <= count; index += 16) {
        __m512 e = exponential_avx512(_mm512_sub_ps(_mm512_loadu_ps(x + index), shifts));
        _mm512_storeu_ps(x + index, e);
        sums = _mm256_add_ps(sums, _mm512_castps512_ps256(e));
        sums = _mm256_add_ps(sums, _mm512_extractf32x8_ps(e, 1));
    }
    if (index < count) {
        __m512 e = exponential_avx512(_mm512_sub_ps(_mm512_castps256_ps512(_mm256_loadu_ps(x + index)), shifts));
        _mm256_storeu_ps(x + index, _mm512_castps512_ps256(e));
        sums = _mm256_add_ps(sums, _mm512_castps512_ps256(e));
    }
    return sum_of(sums);
}

#else

float castor_exponentials_avx2(float *x, float shift, size_t count) {
    (void)x, (void)shift, (void)count;
    __builtin_trap();
}

float castor_exponentials_avx512(float *x, float shift, size_t count) {
    (void)x, (void)shift, (void)count;
    __builtin_trap();
}

#endif

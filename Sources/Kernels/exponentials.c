#include "exponentials.h"

#include "exponential.h"

#if defined(__x86_64__)

WIDE float castor_exponentials_avx512(float *x, float shift, size_t count) {
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

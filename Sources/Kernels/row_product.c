#include "row_product.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

#include "weights.h"

enum {
    COLUMNS = 4, // of a tile
    BLOCK_BYTES = 256 << 10, // of weights that stay in the second-level cache
    AHEAD_SHARES = 8,        // tiles of rows that call for the next block at most
};

#define FINISH_TARGET __attribute__((target("avx2,fma")))

/// The sums of each of four vectors, always in the same order.
FINISH_TARGET static inline __attribute__((always_inline)) __m128 sums_of_eight(__m256 a, __m256 b, __m256 c, __m256 d) {
    __m256 all = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
}

FINISH_TARGET static inline __attribute__((always_inline)) void finish(__m128 sums, int columns, const float *bias, float beta, float *y) {
    bool is_whole = columns == COLUMNS;
    if (bias) sums = _mm_add_ps(sums, is_whole ? _mm_loadu_ps(bias) : _mm_load_ss(bias));
    if (beta != 0) sums = _mm_fmadd_ps(_mm_set1_ps(beta), is_whole ? _mm_loadu_ps(y) : _mm_load_ss(y), sums);
    if (is_whole) {
        _mm_storeu_ps(y, sums);
    } else {
        _mm_store_ss(y, sums);
    }
}

// AVX-512

#define NAME(x) x##_avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")))
#define LANES 16
#define ROWS 6 // 6 x 4 registers of sums, 4 of W
#define vector __m512

TARGET static inline __attribute__((always_inline)) __m512 zero_avx512(void) { return _mm512_setzero_ps(); }
TARGET static inline __attribute__((always_inline)) __m512 load_avx512(const float *x) { return _mm512_loadu_ps(x); }
TARGET static inline __attribute__((always_inline)) __m512 multiply_add_avx512(__m512 a, __m512 b, __m512 c) {
    return _mm512_fmadd_ps(a, b, c);
}
TARGET static inline __attribute__((always_inline)) __m512 multiply_avx512(__m512 a, float b) { return _mm512_mul_ps(a, _mm512_set1_ps(b)); }
TARGET static inline __attribute__((always_inline)) __m256 fold_avx512(__m512 x) {
    return _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
}
TARGET static inline __attribute__((always_inline)) __m128 sums_avx512(__m512 a, __m512 b, __m512 c, __m512 d) {
    return sums_of_eight(fold_avx512(a), fold_avx512(b), fold_avx512(c), fold_avx512(d));
}
TARGET static inline __attribute__((always_inline)) __m512 widen_avx512(castor_rows_format format, int half, const char *w) {
    switch (format) {
    case CASTOR_ROWS_F32: return _mm512_loadu_ps(w + 64 * half);
    case CASTOR_ROWS_BF16: {
        __m512i x = _mm512_loadu_si512(w);
        return _mm512_castsi512_ps(half == 0 ? _mm512_slli_epi32(x, 16) : _mm512_and_si512(x, _mm512_set1_epi32((int)0xFFFF0000)));
    }
    case CASTOR_ROWS_F16: return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(w + 32 * half)));
    case CASTOR_ROWS_I8: return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(w + 16 * half))));
    }
    return _mm512_setzero_ps();
}

#include "row_tile.h"

// AVX2

#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2,fma,f16c")))
#define LANES 8
#define ROWS 2 // 2 x 4 registers of sums, 4 of W
#define vector __m256

TARGET static inline __attribute__((always_inline)) __m256 zero_avx2(void) { return _mm256_setzero_ps(); }
TARGET static inline __attribute__((always_inline)) __m256 load_avx2(const float *x) { return _mm256_loadu_ps(x); }
TARGET static inline __attribute__((always_inline)) __m256 multiply_add_avx2(__m256 a, __m256 b, __m256 c) {
    return _mm256_fmadd_ps(a, b, c);
}
TARGET static inline __attribute__((always_inline)) __m256 multiply_avx2(__m256 a, float b) { return _mm256_mul_ps(a, _mm256_set1_ps(b)); }
TARGET static inline __attribute__((always_inline)) __m128 sums_avx2(__m256 a, __m256 b, __m256 c, __m256 d) {
    return sums_of_eight(a, b, c, d);
}
TARGET static inline __attribute__((always_inline)) __m256 widen_avx2(castor_rows_format format, int half, const char *w) {
    switch (format) {
    case CASTOR_ROWS_F32: return _mm256_loadu_ps((const float *)(w + 32 * half));
    case CASTOR_ROWS_BF16: {
        __m256i x = _mm256_loadu_si256((const __m256i *)w);
        return _mm256_castsi256_ps(half == 0 ? _mm256_slli_epi32(x, 16) : _mm256_and_si256(x, _mm256_set1_epi32((int)0xFFFF0000)));
    }
    case CASTOR_ROWS_F16: return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(w + 16 * half)));
    case CASTOR_ROWS_I8: return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(w + 8 * half))));
    }
    return _mm256_setzero_ps();
}

#include "row_tile.h"

castor_rows_kernel castor_rows_best(void) {
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512dq");
    return avx512 ? CASTOR_ROWS_AVX512 : avx2 ? CASTOR_ROWS_AVX2 : CASTOR_ROWS_NONE;
}

size_t castor_rows_room(castor_rows_kernel kernel, size_t m, size_t k) {
    size_t step = kernel == CASTOR_ROWS_AVX512 ? step_avx512 : step_avx2;
    return m * ((k + step - 1) / step * step);
}

void castor_rows_pack(
    castor_rows_kernel kernel, castor_rows_format format, size_t m, size_t k, const float *x, size_t stride, const float *bounds,
    float *room
) {
    if (kernel == CASTOR_ROWS_AVX512) {
        pack_avx512(format, m, k, x, stride, bounds, room);
    } else if (kernel == CASTOR_ROWS_AVX2) {
        pack_avx2(format, m, k, x, stride, bounds, room);
    }
}

void castor_rows_product(
    castor_rows_kernel kernel, castor_rows_format format, size_t m, size_t n, size_t k, const float *room, const void *weights,
    const void *scales, const float *bias, float beta, float *y, size_t stride
) {
    if (kernel == CASTOR_ROWS_AVX512) {
        product_avx512(format, m, n, k, room, weights, scales, bias, beta, y, stride);
    } else if (kernel == CASTOR_ROWS_AVX2) {
        product_avx2(format, m, n, k, room, weights, scales, bias, beta, y, stride);
    }
}

#else

castor_rows_kernel castor_rows_best(void) { return CASTOR_ROWS_NONE; }

size_t castor_rows_room(castor_rows_kernel kernel, size_t m, size_t k) {
    (void)kernel;
    return m * k;
}

void castor_rows_pack(
    castor_rows_kernel kernel, castor_rows_format format, size_t m, size_t k, const float *x, size_t stride, const float *bounds,
    float *room
) {
    (void)kernel, (void)format, (void)m, (void)k, (void)x, (void)stride, (void)bounds, (void)room;
}

void castor_rows_product(
    castor_rows_kernel kernel, castor_rows_format format, size_t m, size_t n, size_t k, const float *room, const void *weights,
    const void *scales, const float *bias, float beta, float *y, size_t stride
) {
    (void)kernel, (void)format, (void)m, (void)n, (void)k, (void)room, (void)weights, (void)scales, (void)bias, (void)beta, (void)y;
    (void)stride;
}

#endif

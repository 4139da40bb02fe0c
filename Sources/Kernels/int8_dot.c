#include "int8_dot.h"

// The plain version, which the others are held against.
static void dot_portable(const int8_t *rows, size_t count, size_t size, const int8_t *query, int32_t *sums) {
    for (size_t row = 0; row < count; row++) {
        const int8_t *values = rows + row * size;
        int32_t sum = 0;
        for (size_t i = 0; i < size; i++) sum += (int32_t)values[i] * query[i];
        sums[row] = sum;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

castor_dot_kernel castor_dot_best(void) {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512vnni"))
        return CASTOR_DOT_VNNI;
    return __builtin_cpu_supports("avx2") ? CASTOR_DOT_AVX2 : CASTOR_DOT_PORTABLE;
}

// Sixteen bits a value: products of unsigned with signed bytes, of which there is an instruction, saturate.
AVX2 static inline __m256i widened(const int8_t *values) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)values));
}

AVX2 static void dot_avx2(const int8_t *rows, size_t count, size_t size, const int8_t *query, int32_t *sums) {
    for (size_t row = 0; row < count; row++) {
        const int8_t *values = rows + row * size;
        __m256i even = _mm256_setzero_si256(), odd = _mm256_setzero_si256();
        for (size_t i = 0; i < size; i += 32) {
            even = _mm256_add_epi32(even, _mm256_madd_epi16(widened(values + i), widened(query + i)));
            odd = _mm256_add_epi32(odd, _mm256_madd_epi16(widened(values + i + 16), widened(query + i + 16)));
        }
        __m256i all = _mm256_add_epi32(even, odd);
        __m128i four = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
        four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
        sums[row] = _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
    }
}

// The instruction multiplies unsigned with signed bytes. A row's value plus 128 is its bits with the highest turned over, and what that adds is the
// same for every row: 128 times the sum of the query.
VNNI static void dot_vnni(const int8_t *rows, size_t count, size_t size, const int8_t *query, int32_t *sums) {
    int32_t excess = 0;
    for (size_t i = 0; i < size; i++) excess += query[i];
    excess *= 128;
    const __m512i high = _mm512_set1_epi8((char)0x80);
    size_t row = 0;
    for (; row + 4 <= count; row += 4) {
        __m512i sum[4] = {0};
        for (size_t i = 0; i < size; i += 64) {
            __m512i q = _mm512_loadu_si512(query + i);
            for (size_t r = 0; r < 4; r++) {
                __m512i values = _mm512_loadu_si512(rows + (row + r) * size + i);
                sum[r] = _mm512_dpbusd_epi32(sum[r], _mm512_xor_si512(values, high), q);
            }
        }
        for (size_t r = 0; r < 4; r++) sums[row + r] = _mm512_reduce_add_epi32(sum[r]) - excess;
    }
    for (; row < count; row++) {
        __m512i sum = _mm512_setzero_si512();
        for (size_t i = 0; i < size; i += 64) {
            __m512i values = _mm512_loadu_si512(rows + row * size + i);
            sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(values, high), _mm512_loadu_si512(query + i));
        }
        sums[row] = _mm512_reduce_add_epi32(sum) - excess;
    }
}

#else

castor_dot_kernel castor_dot_best(void) { return CASTOR_DOT_PORTABLE; }

#endif

void castor_dot_i8(
    castor_dot_kernel kernel, const int8_t *rows, size_t count, size_t size, const int8_t *query, int32_t *sums) {
    switch (kernel) {
#if defined(__x86_64__)
    case CASTOR_DOT_VNNI: dot_vnni(rows, count, size, query, sums); return;
    case CASTOR_DOT_AVX2: dot_avx2(rows, count, size, query, sums); return;
#endif
    default: dot_portable(rows, count, size, query, sums);
    }
}

#include "panel_product.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

#include "transpose.h"
#include "weights.h"

enum {
    BLOCK_BYTES = 256 << 10, // of panels that stay in the second-level cache
    MAX_CALLS = 512,         // lines that are called for ahead of a tile
};

/// The next block's weights, which memory brings while this one is multiplied: some lines of 64 bytes before each tile.
struct ahead {
    const char *next;
    size_t lines;
};

/// As many as all tiles need, but no more than memory brings meanwhile.
static struct ahead calls(const char *next, size_t bytes, size_t rows, size_t tile_rows, size_t columns, size_t tile_columns) {
    size_t tiles = ((rows + tile_rows - 1) / tile_rows) * ((columns + tile_columns - 1) / tile_columns);
    size_t lines = tiles > 0 ? (bytes / 64 + tiles - 1) / tiles : 0;
    return (struct ahead){next, lines < MAX_CALLS ? lines : MAX_CALLS};
}

static inline void call_ahead(struct ahead *ahead) {
    for (size_t line = 0; line < ahead->lines; line++, ahead->next += 64) __builtin_prefetch(ahead->next, 0, 2);
}

// AVX2

#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2,fma,f16c")))
#define LANES 8
#define ROWS 6 // 6 x 2 registers of sums, 2 of W, one of x
#define VECTORS 2
#define VALUES 1
#define DEPTH 96 // a tile's rows stay in the first level, and its sums are short: they round less than BLAS's
#define vector __m256

typedef __m256 words_vector_avx2;

TARGET static inline __m256 zero_avx2(void) { return _mm256_setzero_ps(); }
TARGET static inline __m256 no_words_avx2(void) { return _mm256_setzero_ps(); }
TARGET static inline __m256 load_avx2(const uint32_t *x) { return _mm256_loadu_ps((const float *)x); }
TARGET static inline __m256 broadcast_avx2(const uint32_t *x) { return _mm256_broadcast_ss((const float *)x); }
TARGET static inline __m256 multiply_add_avx2(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
TARGET static inline __m256 add_avx2(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }
TARGET static inline __m256 scaled_avx2(__m256 a, float b) { return _mm256_mul_ps(a, _mm256_set1_ps(b)); }
TARGET static inline void store_words_avx2(uint32_t *out, __m256 x) { _mm256_storeu_ps((float *)out, x); }
TARGET static inline __m256i first_avx2(size_t columns, size_t start) {
    int count = columns > start ? (columns - start < 8 ? (int)(columns - start) : 8) : 0;
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
TARGET static inline __m256 load_first_avx2(const float *x, size_t columns, size_t start) {
    return columns >= start + 8 ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, first_avx2(columns, start));
}
TARGET static inline void store_first_avx2(float *y, __m256 x, size_t columns, size_t start) {
    if (columns >= start + 8) {
        _mm256_storeu_ps(y, x);
    } else {
        _mm256_maskstore_ps(y, first_avx2(columns, start), x);
    }
}
TARGET static inline __m256 words_avx2(castor_rows_format format, const char *row, const char *scales, size_t at, size_t k) {
    size_t size = sizes[format];
    char rest[32] = {0};
    const char *from = row + at * size;
    if (k - at < 8) {
        memcpy(rest, from, (k - at) * size);
        from = rest;
    }
    switch (format) {
    case CASTOR_ROWS_F32: return _mm256_loadu_ps((const float *)from);
    case CASTOR_ROWS_BF16:
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)from)), 16));
    case CASTOR_ROWS_F16: return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from));
    case CASTOR_ROWS_I8:
        return _mm256_mul_ps(
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)from))),
            _mm256_set1_ps(scale_at(scales, at / CASTOR_ROWS_GROUP)));
    }
    return _mm256_setzero_ps();
}
TARGET static inline void transpose_avx2(__m256 r[8]) {
    __m256 t[8], u[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
}

#include "panel_tile.h"

// AVX-512

#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")))

WIDE static inline __mmask16 first16(size_t columns, size_t start) {
    return columns >= start + 16 ? 0xFFFF : columns <= start ? 0 : (__mmask16)((1u << (columns - start)) - 1);
}
WIDE static inline __m512 load_first(const float *x, size_t columns, size_t start) {
    return _mm512_maskz_loadu_ps(first16(columns, start), x);
}
WIDE static inline void store_first(float *y, __m512 x, size_t columns, size_t start) {
    _mm512_mask_storeu_ps(y, first16(columns, start), x);
}

/// 16 values from `at` on in single precision, zeros beyond k.
WIDE static inline __m512 widened16(castor_rows_format format, const char *row, const char *scales, size_t at, size_t k) {
    if (at >= k) return _mm512_setzero_ps();
    __mmask16 mask = first16(k, at);
    const char *from = row + at * sizes[format];
    switch (format) {
    case CASTOR_ROWS_F32: return _mm512_maskz_loadu_ps(mask, from);
    case CASTOR_ROWS_BF16: return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from)), 16));
    case CASTOR_ROWS_F16: return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, from));
    case CASTOR_ROWS_I8:
        return _mm512_mul_ps(
            _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, from))),
            _mm512_set1_ps(scale_at(scales, at / CASTOR_ROWS_GROUP)));
    }
    return _mm512_setzero_ps();
}

#define NAME(x) x##_avx512
#define TARGET WIDE
#define LANES 16
#define ROWS 8 // 8 x 3 registers of sums, 3 of W, and x is broadcast from memory
#define VECTORS 3
#define VALUES 1
#define DEPTH 96
#define vector __m512

typedef __m512i words_vector_avx512;

WIDE static inline __m512 zero_avx512(void) { return _mm512_setzero_ps(); }
WIDE static inline __m512i no_words_avx512(void) { return _mm512_setzero_si512(); }
WIDE static inline __m512 load_avx512(const uint32_t *x) { return _mm512_loadu_ps(x); }
WIDE static inline __m512 broadcast_avx512(const uint32_t *x) { return _mm512_castsi512_ps(_mm512_set1_epi32((int)*x)); }
WIDE static inline __m512 multiply_add_avx512(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
WIDE static inline __m512 add_avx512(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
WIDE static inline __m512 scaled_avx512(__m512 a, float b) { return _mm512_mul_ps(a, _mm512_set1_ps(b)); }
WIDE static inline void store_words_avx512(uint32_t *out, __m512i x) { _mm512_storeu_si512(out, x); }
WIDE static inline __m512i words_avx512(castor_rows_format format, const char *row, const char *scales, size_t at, size_t k) {
    return _mm512_castps_si512(widened16(format, row, scales, at, k));
}
#define load_first_avx512 load_first
#define store_first_avx512 store_first
#define transpose_avx512 transpose16

#include "panel_tile.h"

// bfloat16: two values of k in a word

#define BFLOAT16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma,f16c")))

#define NAME(x) x##_bfloat16
#define TARGET BFLOAT16
#define LANES 16
#define ROWS 8
#define VECTORS 3
#define VALUES 2
#define DEPTH 192
#define vector __m512

typedef __m512i words_vector_bfloat16;

BFLOAT16 static inline __m512 multiply_add_bfloat16(__m512 a, __m512 b, __m512 c) { return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b); }
BFLOAT16 static inline __m512i words_bfloat16(castor_rows_format format, const char *row, const char *scales, size_t at, size_t k) {
    if (format == CASTOR_ROWS_BF16) {
        __mmask32 mask = k - at >= 32 ? 0xFFFFFFFF : (__mmask32)((1u << (k - at)) - 1);
        return _mm512_maskz_loadu_epi16(mask, row + 2 * at);
    }
    return (__m512i)_mm512_cvtne2ps_pbh(widened16(format, row, scales, at + 16, k), widened16(format, row, scales, at, k));
}
#define zero_bfloat16 zero_avx512
#define no_words_bfloat16 no_words_avx512
#define load_bfloat16 load_avx512
#define broadcast_bfloat16 broadcast_avx512
#define add_bfloat16 add_avx512
#define scaled_bfloat16 scaled_avx512
#define store_words_bfloat16 store_words_avx512
#define load_first_bfloat16 load_first
#define store_first_bfloat16 store_first
#define transpose_bfloat16 transpose16

#include "panel_tile.h"

BFLOAT16 static void rows_bfloat16(size_t m, size_t k, const float *x, size_t stride, uint32_t *out) {
    size_t words = (k + 1) / 2;
    for (size_t i = 0; i < m; i++) {
        for (size_t at = 0; at < k; at += 32) {
            __m512i pairs = words_bfloat16(CASTOR_ROWS_F32, (const char *)(x + i * stride), NULL, at, k);
            _mm512_mask_storeu_epi32(out + i * words + at / 2, first16(words, at / 2), pairs);
        }
    }
}

#include "panel_int8.h"
#include "panel_int8_avx2.h"

bool castor_panels_available(castor_panels_kernel kernel) {
    castor_rows_kernel best = castor_rows_best();
    switch (kernel) {
    case CASTOR_PANELS_NONE: return false;
    case CASTOR_PANELS_AVX2: return best != CASTOR_ROWS_NONE;
    case CASTOR_PANELS_AVX512: return best == CASTOR_ROWS_AVX512;
    case CASTOR_PANELS_BFLOAT16: return best == CASTOR_ROWS_AVX512 && __builtin_cpu_supports("avx512bf16");
    case CASTOR_PANELS_INT8: return best == CASTOR_ROWS_AVX512 && __builtin_cpu_supports("avx512vnni");
    case CASTOR_PANELS_INT8_AVX2: return best != CASTOR_ROWS_NONE;
    }
    return false;
}

static size_t rows_room(castor_panels_kernel kernel, size_t m, size_t k) {
    switch (kernel) {
    case CASTOR_PANELS_BFLOAT16: return 4 * m * ((k + 1) / 2);
    case CASTOR_PANELS_INT8: return m * row_bytes_int8(k);
    case CASTOR_PANELS_INT8_AVX2: return m * row_bytes_int8_avx2(k);
    default: return 0;
    }
}

enum {
    // No panel is larger than a block.
    PANELS_ROOM = BLOCK_BYTES + room_of_factors_int8,
};

/// Of a thread, kept from call to call: a fresh megabyte costs more page faults than a small product costs time. It goes with the thread.
struct room {
    void *panels, *rows;
    size_t size; // of rows
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_key;

static void give_back(void *room) {
    free(((struct room *)room)->panels);
    free(((struct room *)room)->rows);
    free(room);
}

static void make_key(void) { has_key = pthread_key_create(&key, give_back) == 0; }

/// The thread's, with so many bytes for rows; null where there is no memory.
static struct room *reserve(size_t rows) {
    pthread_once(&once, make_key);
    if (!has_key) return NULL;
    struct room *room = pthread_getspecific(key);
    if (!room) {
        room = calloc(1, sizeof *room);
        if (room && pthread_setspecific(key, room) != 0) {
            free(room);
            room = NULL;
        }
        if (!room) return NULL;
    }
    if (!room->panels) room->panels = aligned_alloc(64, (PANELS_ROOM + 63) / 64 * 64);
    if (rows > room->size) {
        free(room->rows);
        room->rows = malloc(rows);
        room->size = room->rows ? rows : 0;
    }
    return room->panels && rows <= room->size ? room : NULL;
}

bool castor_panels_product(
    castor_panels_kernel kernel, castor_rows_format format, size_t m, size_t n, size_t k, const float *x, size_t x_stride,
    const void *weights, const void *scales, const float *bias, float beta, float *y, size_t y_stride
) {
    struct room *room = castor_panels_available(kernel) ? reserve(rows_room(kernel, m, k)) : NULL;
    if (!room) return false;
    void *panels = room->panels, *packed_rows = room->rows;
    const uint32_t *words = (const uint32_t *)x;
    switch (kernel) {
    case CASTOR_PANELS_NONE: return false;
    case CASTOR_PANELS_AVX2: product_avx2(format, m, n, k, words, x_stride, weights, scales, bias, beta, y, y_stride, panels); break;
    case CASTOR_PANELS_AVX512: product_avx512(format, m, n, k, words, x_stride, weights, scales, bias, beta, y, y_stride, panels); break;
    case CASTOR_PANELS_BFLOAT16:
        rows_bfloat16(m, k, x, x_stride, packed_rows);
        product_bfloat16(format, m, n, k, packed_rows, (k + 1) / 2, weights, scales, bias, beta, y, y_stride, panels);
        break;
    case CASTOR_PANELS_INT8:
        rows_int8(m, k, x, x_stride, packed_rows);
        product_int8(format, m, n, k, packed_rows, weights, scales, bias, beta, y, y_stride, panels);
        break;
    case CASTOR_PANELS_INT8_AVX2:
        rows_int8_avx2(m, k, x, x_stride, packed_rows);
        product_int8_avx2(format, m, n, k, packed_rows, weights, scales, bias, beta, y, y_stride, panels);
        break;
    }
    return true;
}

bool castor_few_rows_product(
    castor_rows_kernel kernel, castor_rows_format format, size_t m, size_t n, size_t k, const float *x, size_t x_stride,
    const void *weights, const void *scales, const float *bias, float beta, float *y, size_t y_stride
) {
    struct room *room = kernel == CASTOR_ROWS_NONE ? NULL : reserve(4 * castor_rows_room(kernel, m, k));
    if (!room) return false;
    castor_rows_pack(kernel, format, m, k, x, x_stride, NULL, room->rows);
    castor_rows_product(kernel, format, m, n, k, room->rows, weights, scales, bias, beta, y, y_stride);
    return true;
}

#else

bool castor_few_rows_product(
    castor_rows_kernel kernel, castor_rows_format format, size_t m, size_t n, size_t k, const float *x, size_t x_stride,
    const void *weights, const void *scales, const float *bias, float beta, float *y, size_t y_stride
) {
    (void)kernel, (void)format, (void)m, (void)n, (void)k, (void)x, (void)x_stride, (void)weights, (void)scales, (void)bias, (void)beta;
    (void)y, (void)y_stride;
    return false;
}

bool castor_panels_available(castor_panels_kernel kernel) {
    (void)kernel;
    return false;
}

bool castor_panels_product(
    castor_panels_kernel kernel, castor_rows_format format, size_t m, size_t n, size_t k, const float *x, size_t x_stride,
    const void *weights, const void *scales, const float *bias, float beta, float *y, size_t y_stride
) {
    (void)kernel, (void)format, (void)m, (void)n, (void)k, (void)x, (void)x_stride, (void)weights, (void)scales, (void)bias, (void)beta;
    (void)y, (void)y_stride;
    return false;
}

#endif

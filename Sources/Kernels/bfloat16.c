#include "bfloat16.h"

#include <stdint.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>

#include "transpose.h"

// Blocks of a product, after Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication": a panel of B stays in
// the first-level cache while the rows of A's block, in the second level, pass by.
enum {
    ROWS = 8,        // of a tile of C: 8 x 3 registers of sums, 3 of B, and A is broadcast from memory
    VECTORS = 3,
    COLUMNS = 16 * VECTORS,
    DEPTH = 256,     // k of a block: 48 x 256 x 2 bytes = 24 kB of B
    PAIRS = DEPTH / 2,
    BLOCK_ROWS = 512,      // 256 kB of A
    BLOCK_COLUMNS = 3072,  // 1.5 MB of B
};

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

// Two bfloat16 numbers that follow each other in k.
typedef uint32_t pair;

bool castor_bfloat16_available(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512bf16");
}

// 16 pairs: low halves from `even`, high halves from `odd`.
TARGET static inline __m512i interleave(__m512 even, __m512 odd) {
    __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(even));
    __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(odd));
    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

static inline __mmask16 first(ptrdiff_t count) {
    return count >= 16 ? 0xFFFF : count <= 0 ? 0 : (__mmask16)((1u << count) - 1);
}

// Packs `count` columns of x [depth, *] as [panels][PAIRS][width]: k runs down memory's rows. Columns and depth beyond the end are
// zero.
TARGET static void pack_down(
    const float *x, ptrdiff_t stride, ptrdiff_t depth, ptrdiff_t count, ptrdiff_t width, pair *out
) {
    for (ptrdiff_t start = 0; start < count; start += 16) {
        __mmask16 mask = first(count - start);
        // 16 columns are a third of a panel of B, or two panels of A.
        pair *low = out + start / width * (PAIRS * width) + start % width;
        pair *high = width >= 16 ? low + 8 : low + PAIRS * width;
        for (ptrdiff_t p = 0; 2 * p < depth; p++) {
            const float *row = x + 2 * p * stride + start;
            __m512 even = _mm512_maskz_loadu_ps(mask, row);
            __m512 odd = 2 * p + 1 < depth ? _mm512_maskz_loadu_ps(mask, row + stride) : _mm512_setzero_ps();
            __m512i both = interleave(even, odd);
            _mm256_storeu_si256((__m256i *)(low + p * width), _mm512_castsi512_si256(both));
            _mm256_storeu_si256((__m256i *)(high + p * width), _mm512_extracti64x4_epi64(both, 1));
        }
    }
}

// 16 pairs of one row, k running along memory: two vectors of 16 values to one of pairs.
TARGET static inline __m512i row_pairs(const float *x, ptrdiff_t depth) {
    __m512 low = _mm512_maskz_loadu_ps(first(depth), x);
    __m512 high = _mm512_maskz_loadu_ps(first(depth - 16), x + 16);
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

// Rows of x [count, depth] as [count][PAIRS], k along memory: what a broadcast reads. Rows up to a multiple of ROWS are zero.
TARGET static void pack_rows(const float *x, ptrdiff_t stride, ptrdiff_t depth, ptrdiff_t count, pair *out) {
    ptrdiff_t padded = (count + ROWS - 1) / ROWS * ROWS;
    for (ptrdiff_t row = 0; row < padded; row++) {
        for (ptrdiff_t k = 0; k < depth; k += 32) {
            __m512i pairs = row < count ? row_pairs(x + row * stride + k, depth - k) : _mm512_setzero_si512();
            _mm512_storeu_si512(out + row * PAIRS + k / 2, pairs);
        }
    }
}

// Rows of x [count, depth] as [panels][PAIRS][COLUMNS]: the transpose of what lies in memory.
TARGET static void pack_across(const float *x, ptrdiff_t stride, ptrdiff_t depth, ptrdiff_t count, pair *out) {
    for (ptrdiff_t start = 0; start < count; start += 16) {
        pair *panel = out + start / COLUMNS * (PAIRS * COLUMNS) + start % COLUMNS;
        for (ptrdiff_t k = 0; k < depth; k += 32) {
            __m512i r[16];
            for (int i = 0; i < 16; i++) {
                r[i] = start + i < count ? row_pairs(x + (start + i) * stride + k, depth - k) : _mm512_setzero_si512();
            }
            transpose16(r);
            for (int i = 0; i < 16; i++) _mm512_storeu_si512(panel + (k / 2 + i) * COLUMNS, r[i]);
        }
    }
}

// One tile: sums over `pairs` of a[row * row_step + p * pair_step] times 48 columns of b.
TARGET static inline __attribute__((always_inline)) void tile(
    const pair *a, ptrdiff_t row_step, ptrdiff_t pair_step, const pair *b, ptrdiff_t pairs, __m512 sum[ROWS][VECTORS]
) {
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < VECTORS; v++) sum[r][v] = _mm512_setzero_ps();
    for (ptrdiff_t p = 0; p < pairs; p++) {
        __m512bh columns[VECTORS];
        for (int v = 0; v < VECTORS; v++) columns[v] = (__m512bh)_mm512_loadu_si512(b + p * COLUMNS + 16 * v);
        for (int r = 0; r < ROWS; r++) {
            __m512bh value = (__m512bh)_mm512_set1_epi32((int)a[r * row_step + p * pair_step]);
            for (int v = 0; v < VECTORS; v++) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], value, columns[v]);
        }
    }
}

TARGET static void store(
    __m512 sum[ROWS][VECTORS], ptrdiff_t rows, ptrdiff_t columns, float alpha, float beta, float *c, ptrdiff_t stride
) {
    __m512 factor = _mm512_set1_ps(alpha), keep = _mm512_set1_ps(beta);
    for (int r = 0; r < ROWS; r++) {
        if (r >= rows) break;
        for (int v = 0; v < VECTORS; v++) {
            __mmask16 mask = first(columns - 16 * v);
            float *place = c + r * stride + 16 * v;
            __m512 value = _mm512_mul_ps(sum[r][v], factor);
            if (beta != 0) value = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, place), keep, value);
            _mm512_mask_storeu_ps(place, mask, value);
        }
    }
}

TARGET static void tile_rows(
    const pair *a, const pair *b, ptrdiff_t pairs, ptrdiff_t rows, ptrdiff_t columns, float alpha, float beta, float *c, ptrdiff_t stride
) {
    __m512 sum[ROWS][VECTORS];
    tile(a, PAIRS, 1, b, pairs, sum);
    store(sum, rows, columns, alpha, beta, c, stride);
}

TARGET static void tile_panel(
    const pair *a, const pair *b, ptrdiff_t pairs, ptrdiff_t rows, ptrdiff_t columns, float alpha, float beta, float *c, ptrdiff_t stride
) {
    __m512 sum[ROWS][VECTORS];
    tile(a, 1, ROWS, b, pairs, sum);
    store(sum, rows, columns, alpha, beta, c, stride);
}

// Packed blocks of a thread, kept from call to call: a fresh megabyte costs more page faults than a small product costs time.
static _Thread_local pair *packed_a, *packed_b;

static bool reserve(void) {
    if (!packed_a) packed_a = aligned_alloc(64, sizeof(pair) * BLOCK_ROWS * PAIRS);
    if (!packed_b) packed_b = aligned_alloc(64, sizeof(pair) * BLOCK_COLUMNS * PAIRS);
    return packed_a && packed_b;
}

static inline ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

TARGET static void multiply(
    bool transpose_a, bool transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, float alpha, const float *a, ptrdiff_t stride_a,
    const float *b, ptrdiff_t stride_b, float beta, float *c, ptrdiff_t stride_c
) {
    for (ptrdiff_t j = 0; j < n; j += BLOCK_COLUMNS) {
        ptrdiff_t columns = least(BLOCK_COLUMNS, n - j);
        for (ptrdiff_t d = 0; d < k; d += DEPTH) {
            ptrdiff_t depth = least(DEPTH, k - d), pairs = (depth + 1) / 2;
            if (transpose_b) {
                pack_across(b + j * stride_b + d, stride_b, depth, columns, packed_b);
            } else {
                pack_down(b + d * stride_b + j, stride_b, depth, columns, COLUMNS, packed_b);
            }
            float kept = d == 0 ? beta : 1;
            for (ptrdiff_t i = 0; i < m; i += BLOCK_ROWS) {
                ptrdiff_t rows = least(BLOCK_ROWS, m - i);
                if (transpose_a) {
                    pack_down(a + d * stride_a + i, stride_a, depth, rows, ROWS, packed_a);
                } else {
                    pack_rows(a + i * stride_a + d, stride_a, depth, rows, packed_a);
                }
                for (ptrdiff_t column = 0; column < columns; column += COLUMNS) {
                    const pair *panel = packed_b + column * PAIRS;
                    for (ptrdiff_t row = 0; row < rows; row += ROWS) {
                        float *place = c + (i + row) * stride_c + j + column;
                        // Both layouts have ROWS x PAIRS pairs for ROWS rows.
                        const pair *block = packed_a + row * PAIRS;
                        (transpose_a ? tile_panel : tile_rows)(
                            block, panel, pairs, rows - row, columns - column, alpha, kept, place, stride_c);
                    }
                }
            }
        }
    }
}

bool castor_bfloat16_gemm(
    bool transpose_a, bool transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, float alpha, const float *a, ptrdiff_t stride_a,
    const float *b, ptrdiff_t stride_b, float beta, float *c, ptrdiff_t stride_c
) {
    if (!castor_bfloat16_available() || !reserve()) return false;
    multiply(transpose_a, transpose_b, m, n, k, alpha, a, stride_a, b, stride_b, beta, c, stride_c);
    return true;
}

#else

bool castor_bfloat16_available(void) { return false; }

bool castor_bfloat16_gemm(
    bool transpose_a, bool transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, float alpha, const float *a, ptrdiff_t stride_a,
    const float *b, ptrdiff_t stride_b, float beta, float *c, ptrdiff_t stride_c
) {
    return false;
}

#endif

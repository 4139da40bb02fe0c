// Part of panel_product.c: rows and weights in eight bits, four values of k in a word, sums of a group of 64 in whole numbers and all else in
// single precision. The instruction multiplies unsigned with signed bytes: rows are held 128 too large, and what that adds to a group's sum is 128
// times the sum of the weight's group.

#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")))

enum {
    GROUP_WORDS = CASTOR_ROWS_GROUP / 4,
    columns_int8 = 48,
    rows_of_tile_int8 = 8,
    groups_of_block_int8 = 32, // of k
    /// Scale and correction of each column and group of a block's panels; a panel is at least as many bytes as columns times its words.
    room_of_factors_int8 = 2 * 4 * (BLOCK_BYTES / 4 / GROUP_WORDS + groups_of_block_int8 * columns_int8),
};

/// A row's bytes, then a scale a group.
static size_t row_bytes_int8(size_t k) { return GROUPS(k) * (CASTOR_ROWS_GROUP + 4); }

/// 64 values, the nearest multiples of 1/127 of the largest magnitude, which are its scale's.
VNNI static inline __m512i group_int8(const __m512 values[4], float *scale) {
    __m512 largest = _mm512_abs_ps(values[0]);
    for (int j = 1; j < 4; j++) largest = _mm512_max_ps(largest, _mm512_abs_ps(values[j]));
    float most = _mm512_reduce_max_ps(largest);
    // A maximum passes over what is no number; the sums must not.
    __mmask16 none = 0;
    for (int j = 0; j < 4; j++) none |= _mm512_cmp_ps_mask(values[j], values[j], _CMP_UNORD_Q);
    if (none) most = __builtin_nanf("");
    *scale = most / 127;
    // Below the smallest normal number a scale is too coarse; such values are none.
    if (*scale < 0x1p-126f) {
        *scale = 0;
        return _mm512_setzero_si512();
    }
    __m512 factor = _mm512_set1_ps(127 / most);
    __m512i bytes = _mm512_setzero_si512();
#define BYTES(j) _mm512_inserti32x4(bytes, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(values[j], factor))), j)
    bytes = BYTES(0);
    bytes = BYTES(1);
    bytes = BYTES(2);
    bytes = BYTES(3);
#undef BYTES
    return bytes;
}

VNNI static inline __m512i rounded_group_int8(
    castor_rows_format format, const char *row, const char *scales, size_t at, size_t k, float *scale
) {
    __m512 values[4];
    for (size_t j = 0; j < 4; j++) values[j] = widened16(format, row, scales, at + 16 * j, k);
    return group_int8(values, scale);
}

VNNI static void rows_int8(size_t m, size_t k, const float *x, size_t stride, void *out) {
    size_t groups = GROUPS(k);
    for (size_t i = 0; i < m; i++) {
        char *row = (char *)out + i * row_bytes_int8(k);
        for (size_t g = 0; g < groups; g++) {
            float scale;
            __m512i bytes = rounded_group_int8(CASTOR_ROWS_F32, (const char *)(x + i * stride), NULL, g * CASTOR_ROWS_GROUP, k, &scale);
            _mm512_storeu_si512(row + g * CASTOR_ROWS_GROUP, _mm512_xor_si512(bytes, _mm512_set1_epi8((char)0x80)));
            memcpy(row + groups * CASTOR_ROWS_GROUP + 4 * g, &scale, 4);
        }
    }
}

/// Panels of `n` columns and `groups` groups from group `first` on: [panel][word][column], and for each [panel][group][column] a scale and a correction.
VNNI static void pack_panels_int8(
    castor_rows_format format, size_t n, size_t k, size_t first, size_t groups, const char *w, const char *scales, uint32_t *out, float *factors, float *corrections
) {
    size_t all = GROUPS(k), words = groups * GROUP_WORDS, row = k * sizes[format], end = (n + columns_int8 - 1) / columns_int8 * columns_int8;
    for (size_t start = 0; start < end; start += 16) {
        size_t panel = start / columns_int8, inside = start % columns_int8;
        for (size_t g = 0; g < groups; g++) {
            size_t at = (first + g) * CASTOR_ROWS_GROUP, left = k - at;
            __mmask64 mask = left >= 64 ? ~0ull : (1ull << left) - 1;
            __m512i r[16];
            float scale[16] = {0};
            for (size_t i = 0; i < 16; i++) {
                r[i] = _mm512_setzero_si512();
                if (start + i >= n) continue;
                const char *source = w + (start + i) * row;
                if (format == CASTOR_ROWS_I8) {
                    r[i] = _mm512_maskz_loadu_epi8(mask, source + at);
                    scale[i] = scale_at(scales, (start + i) * all + first + g);
                } else {
                    r[i] = rounded_group_int8(format, source, NULL, at, k, &scale[i]);
                }
            }
            transpose16(r);
            __m512i sum = _mm512_setzero_si512();
            for (size_t i = 0; i < 16; i++) {
                sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), r[i]);
                _mm512_storeu_si512(out + (panel * words + g * GROUP_WORDS + i) * columns_int8 + inside, r[i]);
            }
            __m512 factor = _mm512_loadu_ps(scale);
            size_t place = (panel * groups + g) * columns_int8 + inside;
            _mm512_storeu_ps(factors + place, factor);
            _mm512_storeu_ps(corrections + place, _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_mul_ps(factor, _mm512_set1_ps(-128))));
        }
    }
}

VNNI static inline __attribute__((always_inline)) void tile_int8(
    int rows, size_t k, size_t first, size_t groups, const char *x, const uint32_t *panel, const float *factors, const float *corrections,
    const float *bias, float keep, float *y, size_t stride, size_t columns
) {
    // Sums of whole numbers take all registers.
    __m512 sums[rows_of_tile_int8][3];
    size_t row = row_bytes_int8(k), all = GROUPS(k);
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < 3; v++) {
            sums[r][v] = keep == 0 ? _mm512_setzero_ps()
                                   : _mm512_mul_ps(load_first(y + (size_t)r * stride + 16 * v, columns, 16 * v), _mm512_set1_ps(keep));
        }
    }
    for (size_t g = 0; g < groups; g++) {
        const char *values = x + (first + g) * CASTOR_ROWS_GROUP;
        __m512i whole[rows_of_tile_int8][3];
        UNROLL for (int r = 0; r < rows; r++) {
            UNROLL for (int v = 0; v < 3; v++) whole[r][v] = _mm512_setzero_si512();
        }
        for (size_t d = 0; d < GROUP_WORDS; d++) {
            __m512i weights[3];
            UNROLL for (int v = 0; v < 3; v++) weights[v] = _mm512_loadu_si512(panel + 16 * v);
            panel += columns_int8;
            UNROLL for (int r = 0; r < rows; r++) {
                int word;
                memcpy(&word, values + (size_t)r * row + 4 * d, 4);
                __m512i value = _mm512_set1_epi32(word);
                UNROLL for (int v = 0; v < 3; v++) whole[r][v] = _mm512_dpbusd_epi32(whole[r][v], value, weights[v]);
            }
        }
        UNROLL for (int v = 0; v < 3; v++) {
            __m512 factor = _mm512_loadu_ps(factors + g * columns_int8 + 16 * v);
            __m512 correction = _mm512_loadu_ps(corrections + g * columns_int8 + 16 * v);
            UNROLL for (int r = 0; r < rows; r++) {
                __m512 sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole[r][v]), factor, correction);
                __m512 scale = _mm512_set1_ps(scale_at(x + (size_t)r * row + all * CASTOR_ROWS_GROUP, first + g));
                sums[r][v] = _mm512_fmadd_ps(sum, scale, sums[r][v]);
            }
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < 3; v++) {
            __m512 sum = sums[r][v];
            if (bias) sum = _mm512_add_ps(sum, load_first(bias + 16 * v, columns, 16 * v));
            store_first(y + (size_t)r * stride + 16 * v, sum, columns, 16 * v);
        }
    }
}

VNNI static void tiles_int8(
    int rows, size_t n, size_t k, size_t first, size_t groups, const char *x, const uint32_t *panels, const float *factors,
    const float *corrections, const float *bias, float keep, float *y, size_t stride, struct ahead *ahead
) {
    size_t words = groups * GROUP_WORDS;
#define TILES(rows)                                                                                                                       \
    for (size_t j = 0; j < n; j += columns_int8) {                                                                                        \
        call_ahead(ahead);                                                                                                                \
        tile_int8(                                                                                                                        \
            rows, k, first, groups, x, panels + j * words, factors + j * groups, corrections + j * groups, bias ? bias + j : NULL, keep,   \
            y + j, stride, n - j);                                                                                                         \
    }                                                                                                                                     \
    break;
    switch (rows) {
    case 1: TILES(1)
    case 2: TILES(2)
    case 3: TILES(3)
    case 4: TILES(4)
    case 5: TILES(5)
    case 6: TILES(6)
    case 7: TILES(7)
    case 8: TILES(8)
    }
#undef TILES
}

static void product_int8(
    castor_rows_format format, size_t m, size_t n, size_t k, const char *x, const char *w, const char *scales, const float *bias, float beta, float *y, size_t stride,
    uint32_t *room
) {
    size_t all = GROUPS(k), depth = all < groups_of_block_int8 ? all : groups_of_block_int8, row = row_bytes_int8(k);
    size_t columns = depth > 0 ? BLOCK_BYTES / (CASTOR_ROWS_GROUP * depth) / columns_int8 * columns_int8 : n;
    columns = columns > columns_int8 ? columns : columns_int8;
    for (size_t j = 0; j < n; j += columns) {
        size_t count = n - j < columns ? n - j : columns, padded = (count + columns_int8 - 1) / columns_int8 * columns_int8, first = 0;
        do {
            size_t groups = all - first < depth ? all - first : depth;
            float *factors = (float *)(room + padded * groups * GROUP_WORDS), *corrections = factors + padded * groups;
            pack_panels_int8(
                format, count, k, first, groups, w + j * k * sizes[format], scales ? scales + 4 * j * all : NULL, room, factors, corrections);
            const float *last = bias && first + groups == all ? bias + j : NULL;
            struct ahead ahead = {NULL, 0};
            if (first + groups == all && j + columns < n) {
                size_t next = n - j - columns < columns ? n - j - columns : columns;
                ahead = calls(w + (j + columns) * k * sizes[format], next * k * sizes[format], m, rows_of_tile_int8, count, columns_int8);
            }
            for (size_t i = 0; i < m; i += rows_of_tile_int8) {
                int rows = m - i < rows_of_tile_int8 ? (int)(m - i) : rows_of_tile_int8;
                tiles_int8(
                    rows, count, k, first, groups, x + i * row, room, factors, corrections, last, first == 0 ? beta : 1,
                    y + i * stride + j, stride, &ahead);
            }
            first += groups;
        } while (first < all);
    }
}

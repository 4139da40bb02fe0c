// Part of panel_product.c: panel_int8.h for processors without VNNI, with the same bits. AVX2's product of unsigned with signed bytes saturates, so
// that values are held in sixteen bits, two of k in a word: twice the values of an instruction in single precision. Sums begin with what VNNI's
// unsigned rows add to them.

#define NARROW __attribute__((target("avx2,fma,f16c")))

enum {
    group_words_int8_avx2 = CASTOR_ROWS_GROUP / 2,
    columns_int8_avx2 = 16,
    rows_of_tile_int8_avx2 = 6,
    // Scale, correction and beginning of each column and group of a block.
    room_of_factors_int8_avx2 = 3 * 4 * (BLOCK_BYTES / 4 / group_words_int8_avx2 + groups_of_block_int8 * columns_int8_avx2),
};

_Static_assert((int)room_of_factors_int8_avx2 <= (int)room_of_factors_int8, "they share their room");
_Static_assert(128 * groups_of_block_int8 * columns_int8_avx2 <= BLOCK_BYTES, "a panel has room");

/// A row's values in sixteen bits, then a scale a group.
static size_t row_bytes_int8_avx2(size_t k) { return GROUPS(k) * (2 * CASTOR_ROWS_GROUP + 4); }

/// As group_int8 rounds them.
NARROW static void rounded_group_int8_avx2(
    castor_rows_format format, const char *row, const char *scales, size_t at, size_t k, int16_t *out, float *scale
) {
    __m256 values[8], largest = _mm256_setzero_ps(), none = _mm256_setzero_ps();
    for (size_t j = 0; j < 8; j++) {
        values[j] = at + 8 * j < k ? words_avx2(format, row, scales, at + 8 * j, k) : _mm256_setzero_ps();
        largest = _mm256_max_ps(largest, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), values[j]));
        none = _mm256_or_ps(none, _mm256_cmp_ps(values[j], values[j], _CMP_UNORD_Q));
    }
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    float most = _mm_cvtss_f32(_mm_max_ss(four, _mm_shuffle_ps(four, four, 1)));
    if (_mm256_movemask_ps(none)) most = __builtin_nanf("");
    *scale = most / 127;
    if (*scale < 0x1p-126f) {
        *scale = 0;
        memset(out, 0, 2 * CASTOR_ROWS_GROUP);
        return;
    }
    __m256 factor = _mm256_set1_ps(127 / most);
    for (size_t j = 0; j < 4; j++) {
        __m256i halves[2];
        for (size_t h = 0; h < 2; h++) {
            __m256 scaled = _mm256_mul_ps(values[2 * j + h], factor);
            halves[h] = _mm256_and_si256(_mm256_cvtps_epi32(scaled), _mm256_castps_si256(_mm256_cmp_ps(scaled, scaled, _CMP_ORD_Q)));
        }
        __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(halves[0], halves[1]), 0xd8);
        _mm256_storeu_si256((__m256i *)(out + 16 * j), words);
    }
}

NARROW static void rows_int8_avx2(size_t m, size_t k, const float *x, size_t stride, void *out) {
    size_t groups = GROUPS(k);
    for (size_t i = 0; i < m; i++) {
        char *row = (char *)out + i * row_bytes_int8_avx2(k);
        for (size_t g = 0; g < groups; g++) {
            float scale;
            int16_t values[CASTOR_ROWS_GROUP];
            rounded_group_int8_avx2(CASTOR_ROWS_F32, (const char *)(x + i * stride), NULL, g * CASTOR_ROWS_GROUP, k, values, &scale);
            memcpy(row + 2 * g * CASTOR_ROWS_GROUP, values, sizeof values);
            memcpy(row + 2 * groups * CASTOR_ROWS_GROUP + 4 * g, &scale, 4);
        }
    }
}

/// What stands beside a block's panels, [panel][group][column].
struct factors_int8_avx2 {
    float *scales, *corrections;
    int32_t *beginnings;
};

/// A group of a column of W.
NARROW static void weight_group_int8_avx2(
    castor_rows_format format, const char *row, const char *scales, size_t group, size_t k, int16_t *out, float *scale
) {
    size_t at = group * CASTOR_ROWS_GROUP, left = k - at < CASTOR_ROWS_GROUP ? k - at : CASTOR_ROWS_GROUP;
    if (format != CASTOR_ROWS_I8) {
        rounded_group_int8_avx2(format, row, NULL, at, k, out, scale);
        return;
    }
    char rest[CASTOR_ROWS_GROUP] = {0};
    const char *from = row + at;
    if (left < CASTOR_ROWS_GROUP) from = memcpy(rest, from, left);
    for (size_t j = 0; j < CASTOR_ROWS_GROUP; j += 16)
        _mm256_storeu_si256((__m256i *)(out + j), _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(from + j))));
    *scale = scale_at(scales, group);
}

NARROW static void pack_panels_int8_avx2(
    castor_rows_format format, size_t n, size_t k, size_t first, size_t groups, const char *w, const char *scales, uint32_t *out,
    struct factors_int8_avx2 factors
) {
    size_t all = GROUPS(k), words = groups * group_words_int8_avx2, row = k * sizes[format];
    size_t end = (n + columns_int8_avx2 - 1) / columns_int8_avx2 * columns_int8_avx2;
    for (size_t start = 0; start < end; start += 8) {
        size_t panel = start / columns_int8_avx2, inside = start % columns_int8_avx2;
        for (size_t g = 0; g < groups; g++) {
            int16_t values[8][CASTOR_ROWS_GROUP];
            float scale[8] = {0};
            for (size_t i = 0; i < 8; i++) {
                if (start + i < n) {
                    const char *own = scales ? scales + 4 * (start + i) * all : NULL;
                    weight_group_int8_avx2(format, w + (start + i) * row, own, first + g, k, values[i], &scale[i]);
                } else {
                    memset(values[i], 0, sizeof values[i]);
                }
            }
            __m256i sum = _mm256_setzero_si256();
            for (size_t j = 0; j < CASTOR_ROWS_GROUP; j += 16) {
                __m256 r[8];
                for (size_t i = 0; i < 8; i++) r[i] = _mm256_loadu_ps((const float *)(values[i] + j));
                transpose_avx2(r);
                uint32_t *to = out + (panel * words + g * group_words_int8_avx2 + j / 2) * columns_int8_avx2 + inside;
                for (size_t i = 0; i < 8; i++) {
                    _mm256_storeu_ps((float *)(to + i * columns_int8_avx2), r[i]);
                    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_castps_si256(r[i]), _mm256_set1_epi16(1)));
                }
            }
            __m256 factor = _mm256_loadu_ps(scale);
            size_t place = (panel * groups + g) * columns_int8_avx2 + inside;
            _mm256_storeu_ps(factors.scales + place, factor);
            _mm256_storeu_ps(factors.corrections + place, _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_mul_ps(factor, _mm256_set1_ps(-128))));
            _mm256_storeu_si256((__m256i *)(factors.beginnings + place), _mm256_slli_epi32(sum, 7));
        }
    }
}

NARROW static inline __attribute__((always_inline)) void tile_int8_avx2(
    int rows, size_t k, size_t first, size_t groups, const char *x, const uint32_t *panel, struct factors_int8_avx2 factors, const float *bias, float keep,
    float *y, size_t stride, size_t columns
) {
    // Sums of whole numbers take all registers.
    __m256 sums[rows_of_tile_int8_avx2][2];
    size_t row = row_bytes_int8_avx2(k), all = GROUPS(k);
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < 2; v++) {
            sums[r][v] = keep == 0 ? _mm256_setzero_ps()
                                   : _mm256_mul_ps(load_first_avx2(y + (size_t)r * stride + 8 * v, columns, 8 * v), _mm256_set1_ps(keep));
        }
    }
    for (size_t g = 0; g < groups; g++) {
        const char *values = x + 2 * (first + g) * CASTOR_ROWS_GROUP;
        __m256i whole[rows_of_tile_int8_avx2][2];
        UNROLL for (int r = 0; r < rows; r++) {
            UNROLL for (int v = 0; v < 2; v++)
                whole[r][v] = _mm256_loadu_si256((const __m256i *)(factors.beginnings + g * columns_int8_avx2 + 8 * v));
        }
        for (size_t d = 0; d < group_words_int8_avx2; d++) {
            __m256i weights[2];
            UNROLL for (int v = 0; v < 2; v++) weights[v] = _mm256_loadu_si256((const __m256i *)(panel + 8 * v));
            panel += columns_int8_avx2;
            UNROLL for (int r = 0; r < rows; r++) {
                int word;
                memcpy(&word, values + (size_t)r * row + 4 * d, 4);
                __m256i value = _mm256_set1_epi32(word);
                UNROLL for (int v = 0; v < 2; v++) whole[r][v] = _mm256_add_epi32(whole[r][v], _mm256_madd_epi16(value, weights[v]));
            }
        }
        UNROLL for (int v = 0; v < 2; v++) {
            __m256 factor = _mm256_loadu_ps(factors.scales + g * columns_int8_avx2 + 8 * v);
            __m256 correction = _mm256_loadu_ps(factors.corrections + g * columns_int8_avx2 + 8 * v);
            UNROLL for (int r = 0; r < rows; r++) {
                __m256 sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole[r][v]), factor, correction);
                __m256 scale = _mm256_set1_ps(scale_at(x + (size_t)r * row + 2 * all * CASTOR_ROWS_GROUP, first + g));
                sums[r][v] = _mm256_fmadd_ps(sum, scale, sums[r][v]);
            }
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < 2; v++) {
            __m256 sum = sums[r][v];
            if (bias) sum = _mm256_add_ps(sum, load_first_avx2(bias + 8 * v, columns, 8 * v));
            store_first_avx2(y + (size_t)r * stride + 8 * v, sum, columns, 8 * v);
        }
    }
}

NARROW static void tiles_int8_avx2(
    int rows, size_t n, size_t k, size_t first, size_t groups, const char *x, const uint32_t *panels, struct factors_int8_avx2 factors, const float *bias,
    float keep, float *y, size_t stride, struct ahead *ahead
) {
    size_t words = groups * group_words_int8_avx2;
#define TILES(rows)                                                                                                                       \
    for (size_t j = 0; j < n; j += columns_int8_avx2) {                                                                                   \
        call_ahead(ahead);                                                                                                                \
        struct factors_int8_avx2 own = {factors.scales + j * groups, factors.corrections + j * groups, factors.beginnings + j * groups};  \
        tile_int8_avx2(rows, k, first, groups, x, panels + j * words, own, bias ? bias + j : NULL, keep, y + j, stride, n - j);          \
    }                                                                                                                                     \
    break;
    switch (rows) {
    case 1: TILES(1)
    case 2: TILES(2)
    case 3: TILES(3)
    case 4: TILES(4)
    case 5: TILES(5)
    case 6: TILES(6)
    }
#undef TILES
}

static void product_int8_avx2(
    castor_rows_format format, size_t m, size_t n, size_t k, const char *x, const char *w, const char *scales, const float *bias, float beta, float *y,
    size_t stride, uint32_t *room
) {
    enum { WIDTH = columns_int8_avx2, ROWS_OF_TILE = rows_of_tile_int8_avx2 };
    size_t all = GROUPS(k), depth = all < groups_of_block_int8 ? all : groups_of_block_int8, row = row_bytes_int8_avx2(k);
    size_t columns = depth > 0 ? BLOCK_BYTES / (2 * CASTOR_ROWS_GROUP * depth) / WIDTH * WIDTH : n;
    columns = columns > WIDTH ? columns : WIDTH;
    for (size_t j = 0; j < n; j += columns) {
        size_t count = n - j < columns ? n - j : columns, padded = (count + WIDTH - 1) / WIDTH * WIDTH, first = 0;
        do {
            size_t groups = all - first < depth ? all - first : depth;
            float *beside = (float *)(room + padded * groups * group_words_int8_avx2);
            struct factors_int8_avx2 factors = {beside, beside + padded * groups, (int32_t *)(beside + 2 * padded * groups)};
            pack_panels_int8_avx2(format, count, k, first, groups, w + j * k * sizes[format], scales ? scales + 4 * j * all : NULL, room, factors);
            const float *last = bias && first + groups == all ? bias + j : NULL;
            struct ahead ahead = {NULL, 0};
            if (first + groups == all && j + columns < n) {
                size_t next = n - j - columns < columns ? n - j - columns : columns;
                ahead = calls(w + (j + columns) * k * sizes[format], next * k * sizes[format], m, ROWS_OF_TILE, count, WIDTH);
            }
            for (size_t i = 0; i < m; i += ROWS_OF_TILE) {
                int rows = m - i < ROWS_OF_TILE ? (int)(m - i) : ROWS_OF_TILE;
                tiles_int8_avx2(
                    rows, count, k, first, groups, x + i * row, room, factors, last, first == 0 ? beta : 1, y + i * stride + j, stride, &ahead);
            }
            first += groups;
        } while (first < all);
    }
}

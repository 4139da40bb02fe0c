// Included once for each kind of product, which defines NAME(x), TARGET, LANES, ROWS and VECTORS (of a tile), vector, VALUES (of k in a word of
// 32 bits), DEPTH (words of a panel), and the functions words, transpose, set, load, zero, load_words, broadcast, multiply_add, add, scaled and store_first.

enum {
    NAME(columns) = LANES * VECTORS,
    NAME(depth) = DEPTH, // words of k that a panel has at most
};

_Static_assert(4 * NAME(depth) * NAME(columns) <= BLOCK_BYTES, "a panel has room");

/// Some columns of W from `at` on, `words` words of each: [panel][word][column], zeros beyond the last column.
TARGET static void NAME(pack_panels)(
    castor_rows_format format, size_t n, size_t k, size_t at, size_t words, const char *w, const char *scales, uint32_t *out
) {
    size_t row = k * sizes[format], groups = GROUPS(k);
    for (size_t start = 0; start < n; start += LANES) {
        uint32_t *panel = out + start / NAME(columns) * (words * NAME(columns)) + start % NAME(columns);
        for (size_t d = 0; d < words; d += LANES) {
            NAME(words_vector) r[LANES];
            for (size_t i = 0; i < LANES; i++) {
                size_t column = start + i;
                r[i] = column < n ? NAME(words)(
                                        format, w + column * row, scales ? scales + 4 * column * groups : NULL, at + VALUES * d, k)
                                  : NAME(no_words)();
            }
            NAME(transpose)(r);
            size_t count = words - d < LANES ? words - d : LANES;
            for (size_t i = 0; i < count; i++) NAME(store_words)(panel + (d + i) * NAME(columns), r[i]);
        }
    }
    // The last panel's vectors that no column is in.
    size_t last = (n + LANES - 1) / LANES * LANES, end = (n + NAME(columns) - 1) / NAME(columns) * NAME(columns);
    for (size_t start = last; start < end; start += LANES) {
        uint32_t *panel = out + start / NAME(columns) * (words * NAME(columns)) + start % NAME(columns);
        for (size_t d = 0; d < words; d++) NAME(store_words)(panel + d * NAME(columns), NAME(no_words)());
    }
}

/// A tile's sums are added to what y has, `keep` of it: nothing at first, then what earlier words of k gave. Each sum of few terms by itself rounds
/// less than one of all.
TARGET static inline __attribute__((always_inline)) void NAME(tile)(
    int rows, size_t words, const uint32_t *x, size_t row_stride, const uint32_t *panel, const float *bias, float keep, float *y,
    size_t stride, size_t columns
) {
    vector sums[ROWS][VECTORS];
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < VECTORS; v++) {
            sums[r][v] = NAME(zero)();
        }
    }
    for (size_t d = 0; d < words; d++) {
        vector factors[VECTORS];
        UNROLL for (int v = 0; v < VECTORS; v++) factors[v] = NAME(load)(panel + LANES * v);
        panel += NAME(columns);
        UNROLL for (int r = 0; r < rows; r++) {
            vector value = NAME(broadcast)(x + (size_t)r * row_stride + d);
            UNROLL for (int v = 0; v < VECTORS; v++) sums[r][v] = NAME(multiply_add)(value, factors[v], sums[r][v]);
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < VECTORS; v++) {
            vector sum = sums[r][v];
            if (keep != 0) sum = NAME(add)(sum, NAME(scaled)(NAME(load_first)(y + (size_t)r * stride + LANES * v, columns, LANES * v), keep));
            if (bias) sum = NAME(add)(sum, NAME(load_first)(bias + LANES * v, columns, LANES * v));
            NAME(store_first)(y + (size_t)r * stride + LANES * v, sum, columns, LANES * v);
        }
    }
}

TARGET static void NAME(tiles)(
    int rows, size_t n, size_t words, const uint32_t *x, size_t row_stride, const uint32_t *panels, const float *bias, float keep, float *y,
    size_t stride, struct ahead *ahead
) {
#define TILES(rows)                                                                                                                        \
    for (size_t j = 0; j < n; j += NAME(columns)) {                                                                                       \
        call_ahead(ahead);                                                                                                                 \
        NAME(tile)(rows, words, x, row_stride, panels + j * words, bias ? bias + j : NULL, keep, y + j, stride, n - j);                   \
    }                                                                                                                                      \
    break;
    switch (rows) {
    case 1: TILES(1)
    case 2: TILES(2)
    case 3: TILES(3)
    case 4: TILES(4)
    case 5: TILES(5)
    case 6: TILES(6)
#if ROWS > 6
    case 7: TILES(7)
    case 8: TILES(8)
#endif
    }
#undef TILES
}

static void NAME(product)(
    castor_rows_format format, size_t m, size_t n, size_t k, const uint32_t *x, size_t row_stride, const char *w, const char *scales,
    const float *bias, float beta, float *y, size_t stride, uint32_t *room
) {
    size_t all = (k + VALUES - 1) / VALUES, depth = all < NAME(depth) ? all : NAME(depth);
    size_t columns = depth > 0 ? BLOCK_BYTES / (4 * depth) / NAME(columns) * NAME(columns) : n;
    columns = columns > NAME(columns) ? columns : NAME(columns);
    for (size_t j = 0; j < n; j += columns) {
        size_t count = n - j < columns ? n - j : columns, d = 0;
        const char *block = w + j * k * sizes[format], *factors = scales ? scales + 4 * j * GROUPS(k) : NULL;
        do {
            size_t words = all - d < depth ? all - d : depth;
            NAME(pack_panels)(format, count, k, VALUES * d, words, block, factors, room);
            const float *last = bias && d + words == all ? bias + j : NULL;
            struct ahead ahead = {NULL, 0};
            if (d + words == all && j + columns < n) {
                size_t next = n - j - columns < columns ? n - j - columns : columns;
                ahead = calls(block + columns * k * sizes[format], next * k * sizes[format], m, ROWS, count, NAME(columns));
            }
            for (size_t i = 0; i < m; i += ROWS) {
                int rows = m - i < ROWS ? (int)(m - i) : ROWS;
                NAME(tiles)(
                    rows, count, words, x + i * row_stride + d, row_stride, room, last, d == 0 ? beta : 1, y + i * stride + j, stride, &ahead);
            }
            d += words;
        } while (d < all);
    }
}

#undef NAME
#undef TARGET
#undef LANES
#undef ROWS
#undef VECTORS
#undef VALUES
#undef DEPTH
#undef vector

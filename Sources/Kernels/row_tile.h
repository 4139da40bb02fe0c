// Included once for each instruction set, which defines NAME(x), TARGET, LANES, ROWS (of a tile), vector and half_sums, and the functions
// zero, load, multiply, multiply_add, sums and widen.

enum { NAME(step) = 2 * LANES };
_Static_assert(CASTOR_ROWS_GROUP % NAME(step) == 0, "a step is of one group");

/// Sums over k of `rows` x `columns` outputs: each value of W is widened once for all rows.
///
/// `x` has for each step the values of all rows, one row after the other. Where these rows are not the first, `lines` of 64 bytes from `ahead` on are
/// called for at each step.
TARGET static inline __attribute__((always_inline)) void NAME(tile)(
    castor_rows_format format, int rows, int columns, size_t k, const float *x, const char *w, const char *scales, const float *bias,
    float beta, float *y, size_t stride, bool is_first, const char *ahead, int lines
) {
    size_t size = sizes[format], row = k * size, groups = GROUPS(k);
    vector sums[ROWS][COLUMNS];
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < columns; j++) sums[i][j] = NAME(zero)();
    }
    // Half a step at a time: both halves together do not leave enough registers. The barrier keeps the compiler from putting them together again.
#define HALF(half, source, stride_source)                                                                                                   \
    {                                                                                                                                       \
        vector factors[COLUMNS];                                                                                                            \
        UNROLL for (int j = 0; j < columns; j++) {                                                                                          \
            factors[j] = NAME(widen)(format, half, (source) + (size_t)j * (stride_source));                                                 \
            if (format == CASTOR_ROWS_I8) {                                                                                                 \
                factors[j] = NAME(multiply)(factors[j], scale_at(scales, (size_t)j * groups + (k - left) / CASTOR_ROWS_GROUP));             \
            }                                                                                                                               \
        }                                                                                                                                   \
        UNROLL for (int i = 0; i < rows; i++) {                                                                 \
            vector v = NAME(load)(x + i * NAME(step) + half * LANES);                                                                       \
            UNROLL for (int j = 0; j < columns; j++) sums[i][j] = NAME(multiply_add)(v, factors[j], sums[i][j]);                                   \
        }                                                                                                                                   \
        __asm__ volatile("" : "+r"(x), "+r"(source)::);                                                                                     \
    }
    size_t left = k;
    for (; left >= NAME(step); left -= NAME(step)) {
        if (is_first) {
            // The weights' next rows are on their way while these are worked on: rows are too short for the processor to foresee them.
            const char *next = w + (size_t)columns * row;
            UNROLL for (int j = 0; j < columns; j++) {
                __builtin_prefetch(next + (size_t)j * row);
                if (NAME(step) * size > 64) __builtin_prefetch(next + (size_t)j * row + 64);
            }
        } else {
            for (int line = 0; line < lines; line++, ahead += 64) __builtin_prefetch(ahead, 0, 2);
        }
        HALF(0, w, row)
        HALF(1, w, row)
        w += NAME(step) * size;
        x += rows * NAME(step);
    }
    if (left > 0) {
        char rest[COLUMNS][NAME(step) * 4] = {{0}};
        for (int j = 0; j < columns; j++) memcpy(rest[j], w + (size_t)j * row, left * size);
        const char *source = rest[0];
        HALF(0, source, sizeof rest[0])
        HALF(1, source, sizeof rest[0])
    }
#undef HALF
    UNROLL for (int i = 0; i < rows; i++) {
        __m128 result = NAME(sums)(
            sums[i][0], columns > 1 ? sums[i][1] : NAME(zero)(), columns > 2 ? sums[i][2] : NAME(zero)(),
            columns > 3 ? sums[i][3] : NAME(zero)());
        finish(result, columns, bias, beta, y + (size_t)i * stride);
    }
}

/// All tiles of some columns of the result; `rows` of x stay in the first-level cache while the block of W, in the second level, passes by.
TARGET static void NAME(block)(
    castor_rows_format format, int rows, size_t n, size_t k, const float *x, const char *w, const char *scales, const float *bias,
    float beta, float *y, size_t stride, bool is_first, const char *ahead, int lines
) {
    size_t row = k * sizes[format], j = 0;
#define TILES(format, rows, is_first)                                                                                                         \
    for (; j + COLUMNS <= n; j += COLUMNS) {                                                                                                \
        NAME(tile)(format, rows, COLUMNS, k, x, w + j * row, scales ? scales + 4 * j * GROUPS(k) : NULL, bias ? bias + j : NULL, beta, y + j, stride, is_first, ahead + j * row, lines);\
    }                                                                                                                                       \
    for (; j < n; j++) {                                                                                                                    \
        NAME(tile)(format, rows, 1, k, x, w + j * row, scales ? scales + 4 * j * GROUPS(k) : NULL, bias ? bias + j : NULL, beta, y + j, stride, is_first, ahead + j * row, lines);\
    }
#define FORMATS(rows)                                                                                                                       \
    switch (format) {                                                                                                                       \
    case CASTOR_ROWS_F32: EITHER(CASTOR_ROWS_F32, rows) break;                                                                              \
    case CASTOR_ROWS_BF16: EITHER(CASTOR_ROWS_BF16, rows) break;                                                                            \
    case CASTOR_ROWS_F16: EITHER(CASTOR_ROWS_F16, rows) break;                                                                              \
    case CASTOR_ROWS_I8: EITHER(CASTOR_ROWS_I8, rows) break;                                                                                \
    }                                                                                                                                       \
    break;
#define EITHER(format, rows)                                                                                                                \
    if (is_first) {                                                                                                                         \
        TILES(format, rows, true)                                                                                                           \
    } else {                                                                                                                                \
        TILES(format, rows, false)                                                                                                          \
    }
    switch (rows) {
    case 1: FORMATS(1)
    case 2: FORMATS(2)

#if ROWS > 2
    case 3: FORMATS(3)
    case 4: FORMATS(4)
    case 5: FORMATS(5)
    case 6: FORMATS(6)
#endif
    }
#undef FORMATS
#undef EITHER
#undef TILES
}

static void NAME(product)(
    castor_rows_format format, size_t m, size_t n, size_t k, const float *room, const char *w, const char *scales, const float *bias,
    float beta, float *y, size_t stride
) {
    size_t padded = (k + NAME(step) - 1) / NAME(step) * NAME(step), row = k * sizes[format];
    size_t columns = row > 0 ? BLOCK_BYTES / row / COLUMNS * COLUMNS : n;
    columns = columns > COLUMNS ? columns : COLUMNS;
    for (size_t j = 0; j < n; j += columns) {
        size_t count = n - j < columns ? n - j : columns;
        // The rows behind the first leave memory alone: meanwhile it brings the next block, each of them its share of every tile's weights.
        size_t others = m > ROWS ? (m - 1) / ROWS : 0, shares = others < AHEAD_SHARES ? others : AHEAD_SHARES;
        size_t share = shares > 0 ? (COLUMNS * row / shares + 63) / 64 * 64 : 0, steps = padded / NAME(step);
        bool is_last = j + columns >= n;
        for (size_t i = 0; i < m; i += ROWS) {
            int rows = m - i < ROWS ? (int)(m - i) : ROWS;
            size_t tile = i / ROWS;
            int lines = tile > 0 && tile <= shares && !is_last && steps > 0 ? (int)((share / 64 + steps - 1) / steps) : 0;
            const char *ahead = lines > 0 ? w + (j + columns) * row + (tile - 1) * share : w;
            NAME(block)(
                format, rows, count, k, room + i * padded, w + j * row, scales ? scales + 4 * j * GROUPS(k) : NULL, bias ? bias + j : NULL, beta,
                y + i * stride + j, stride, i == 0, ahead, lines);
        }
    }
}

/// Tile by tile, step by step, row by row. bfloat16 is widened two by two: the values at even places of a step come first, then those at odd ones.
TARGET static void NAME(pack)(castor_rows_format format, size_t m, size_t k, const float *x, size_t stride, const float *bounds, float *room) {
    size_t padded = (k + NAME(step) - 1) / NAME(step) * NAME(step);
    for (size_t i = 0; i < m; i++) {
        size_t first = i / ROWS * ROWS, rows = m - first < ROWS ? m - first : ROWS;
        const float *source = x + i * stride;
        float *out = room + first * padded + (i - first) * NAME(step);
        for (size_t at = 0; at < k; at += NAME(step), out += rows * NAME(step)) {
            float rest[NAME(step)] = {0};
            const float *values = source + at;
            size_t count = k - at < NAME(step) ? k - at : NAME(step);
            if (bounds) {
                for (size_t j = 0; j < count; j++) {
                    float value = values[j] < bounds[0] ? bounds[0] : values[j];
                    rest[j] = value > bounds[1] ? bounds[1] : value;
                }
                values = rest;
            } else if (count < NAME(step)) {
                memcpy(rest, values, count * sizeof *rest);
                values = rest;
            }
            if (format != CASTOR_ROWS_BF16) {
                memcpy(out, values, NAME(step) * sizeof *out);
                continue;
            }
            for (int lane = 0; lane < LANES; lane++) {
                out[lane] = values[2 * lane];
                out[LANES + lane] = values[2 * lane + 1];
            }
        }
    }
}

#undef NAME
#undef TARGET
#undef LANES
#undef ROWS
#undef vector

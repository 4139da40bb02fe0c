#include "Repair.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { SIGNATURE_SIZE = 8, HEADER_SIZE = 13, AROUND_CHUNK = 12, CHECKSUM_SIZE = 4 };

static uint32_t big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void put_big_endian(uint8_t *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

/// A chunk as far as the file holds it.
typedef struct {
    const uint8_t *content;
    size_t size;
    const uint8_t *type;
    bool is_whole;
    bool is_right;  // its checksum; false where it is not there
} chunk;

/// False at the end, and where no chunk can begin.
static bool next_chunk(const uint8_t *bytes, size_t count, size_t *position, chunk *c) {
    if (count - *position < 8) {
        return false;
    }
    const uint8_t *start = bytes + *position;
    size_t claimed = big_endian(start);
    size_t present = count - *position - 8;
    if (claimed > 0x7fffffff) {
        return false;
    }
    *c = (chunk){.content = start + 8, .type = start + 4, .size = claimed < present ? claimed : present};
    c->is_whole = claimed + CHECKSUM_SIZE <= present;
    if (c->is_whole) {
        uint32_t sum = (uint32_t)crc32(crc32(0, c->type, 4), c->content, (uInt)claimed);
        c->is_right = sum == big_endian(c->content + claimed);
    }
    *position = c->is_whole ? *position + AROUND_CHUNK + claimed : count;
    return true;
}

static bool is_type(const chunk *c, const char *type) { return memcmp(c->type, type, 4) == 0; }

/// Bytes of all rows, each with the one that names its filter; 0 where the header makes no sense.
static uint64_t row_bytes(const uint8_t *header) {
    static const int channels[7] = {1, 0, 3, 1, 2, 0, 4};
    uint64_t width = big_endian(header), height = big_endian(header + 4);
    int depth = header[8], color = header[9], interlaced = header[12];
    if (color > 6 || channels[color] == 0 || depth > 16 || width > 0x7fffffff || height > 0x7fffffff) {
        return 0;
    }
    uint64_t bits = (uint64_t)(channels[color] * depth);
    if (!interlaced) {
        return height * (1 + (width * bits + 7) / 8);
    }
    static const struct {
        int x, y, right, down;
    } passes[7] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    uint64_t total = 0;
    for (int p = 0; p < 7; p++) {
        uint64_t columns = (width + (uint64_t)(passes[p].right - 1 - passes[p].x)) / (uint64_t)passes[p].right;
        uint64_t rows = (height + (uint64_t)(passes[p].down - 1 - passes[p].y)) / (uint64_t)passes[p].down;
        total += columns > 0 ? rows * (1 + (columns * bits + 7) / 8) : 0;
    }
    return total;
}

typedef enum { ADLER_MISSING, ADLER_RIGHT, ADLER_WRONG } adler;

/// Inflates without keeping the result. True where it has all `wanted` bytes; `used` is then how many of the input they took.
static bool inflates(const uint8_t *data, size_t count, uint64_t wanted, size_t *used, adler *sum) {
    z_stream z = {0};
    if (inflateInit(&z) != Z_OK) {
        return false;
    }
    uint8_t output[1 << 14];
    uint64_t left = wanted;
    size_t taken = 0;
    int status = Z_OK;
    do {
        z.next_in = (Bytef *)data + taken;
        z.avail_in = count - taken > 1 << 30 ? 1 << 30 : (uInt)(count - taken);
        z.next_out = output;
        uInt room = left < sizeof output ? (uInt)left : (uInt)sizeof output;
        z.avail_out = room;
        uInt before = z.avail_in;
        status = inflate(&z, Z_NO_FLUSH);
        taken += before - z.avail_in;
        left -= room - z.avail_out;
        if (before == z.avail_in && room == z.avail_out) {
            break;
        }
    } while (status == Z_OK && (left > 0 || taken < count));
    bool is_wrong = status == Z_DATA_ERROR && z.msg && strcmp(z.msg, "incorrect data check") == 0;
    inflateEnd(&z);
    *sum = status == Z_STREAM_END ? ADLER_RIGHT : is_wrong ? ADLER_WRONG : ADLER_MISSING;
    // A sum that is wrong would stop the reader amid the last row; the sum has been looked at here.
    *used = *sum == ADLER_MISSING ? taken : taken - CHECKSUM_SIZE;
    return left == 0 && (status == Z_OK || status == Z_BUF_ERROR || *sum != ADLER_MISSING);
}

uint8_t *castor_png_repaired(const uint8_t *bytes, size_t *count) {
    size_t position = SIGNATURE_SIZE, before_data = 0, data_size = 0;
    const uint8_t *header = NULL;
    bool are_right = true, are_wrong = false;
    if (*count < SIGNATURE_SIZE) {
        return NULL;
    }
    // No more than the file has: data chunks hold nothing else.
    uint8_t *copy = malloc(*count + AROUND_CHUNK);
    if (!copy) {
        return NULL;
    }
    uint8_t *data = copy;
    chunk c;
    for (size_t start = position; next_chunk(bytes, *count, &position, &c); start = position) {
        if (is_type(&c, "IDAT")) {
            if (before_data == 0) {
                before_data = start;
                memcpy(copy, bytes, before_data);
                data = copy + before_data + 8;
            }
            memcpy(data + data_size, c.content, c.size);
            data_size += c.size;
            are_right = are_right && c.is_right;
            are_wrong = are_wrong || (c.is_whole && !c.is_right);
        } else if (before_data > 0) {
            break;
        } else if (is_type(&c, "IHDR") && c.is_whole && c.size == HEADER_SIZE) {
            header = c.content;
        }
    }
    uint64_t wanted = header && before_data > 0 ? row_bytes(header) : 0;
    size_t used = 0;
    adler sum = ADLER_MISSING;
    bool is_whole = wanted > 0 && inflates(data, data_size, wanted, &used, &sum);
    // One right sum over the rows makes up for the other kind's; a wrong one is believed where there is none.
    bool is_true = sum == ADLER_RIGHT || (sum == ADLER_MISSING ? !are_wrong : are_right);
    if (!is_whole || !is_true || used > 0x7fffffff) {
        free(copy);
        return NULL;
    }
    put_big_endian(data - 8, (uint32_t)used);
    memcpy(data - 4, "IDAT", 4);
    put_big_endian(data + used, (uint32_t)crc32(0, data - 4, (uInt)used + 4));
    *count = before_data + AROUND_CHUNK + used;
    return copy;
}

#define _GNU_SOURCE
#include "Pictures.h"

#include "CZlib.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Streams stand by themselves, never within another: their dictionaries can be read without the rest of the document.

enum { MAX_DICTIONARY = 4096, MAX_PICTURES = 1000 };

/// Of all pictures, inflated: half a second.
static const uint64_t max_inflated = 512u << 20;

typedef struct {
    const char *start, *end;
} span;

static const char *find(span s, const char *word) {
    return memmem(s.start, (size_t)(s.end - s.start), word, strlen(word));
}

static bool is_space(char c) { return strchr(" \t\r\n\f", c) != NULL; }

/// What stands behind a name in a dictionary; empty where it is not there.
static span value(span dictionary, const char *name) {
    size_t length = strlen(name);
    for (span s = dictionary; (s.start = find(s, name));) {
        s.start += length;
        // Not the beginning of a longer name.
        if (s.start < s.end && (is_space(*s.start) || strchr("/[0123456789<(", *s.start))) {
            while (s.start < s.end && is_space(*s.start)) {
                s.start++;
            }
            return s;
        }
    }
    return (span){dictionary.end, dictionary.end};
}

/// 0 where there is none, and where it stands in another object.
static uint64_t number(span dictionary, const char *name) {
    span s = value(dictionary, name);
    uint64_t n = 0;
    while (s.start < s.end && *s.start >= '0' && *s.start <= '9' && n < UINT32_MAX) {
        n = 10 * n + (uint64_t)(*s.start++ - '0');
    }
    while (s.start < s.end && is_space(*s.start)) {
        s.start++;
    }
    return s.start < s.end && *s.start >= '0' && *s.start <= '9' ? 0 : n;
}

static bool begins(span s, const char *word) {
    size_t length = strlen(word);
    return (size_t)(s.end - s.start) >= length && memcmp(s.start, word, length) == 0;
}

/// Of the rows of a picture, at least; 0 where that cannot be told.
static uint64_t needed(span dictionary, bool is_deflated) {
    uint64_t width = number(dictionary, "/Width"), height = number(dictionary, "/Height");
    span mask = value(dictionary, "/ImageMask");
    uint64_t bits = begins(mask, "true") ? 1 : number(dictionary, "/BitsPerComponent");
    span color = value(dictionary, "/ColorSpace");
    uint64_t components = begins(color, "/DeviceRGB") ? 3 : begins(color, "/DeviceCMYK") ? 4 : 1;
    if (width == 0 || height == 0 || bits == 0 || bits > 16) {
        return 0;
    }
    // In front of each row stands what is subtracted from it.
    uint64_t mark = is_deflated && number(dictionary, "/Predictor") >= 10 ? 1 : 0;
    return height * ((width * components * bits + 7) / 8 + mark);
}

/// Up to `most`.
static uint64_t inflated(span data, uint64_t most) {
    enum { BLOCK = 64 << 10 };
    castor_inflater *inflater = castor_inflater_create();
    uint8_t *block = malloc(BLOCK);
    uint64_t count = 0;
    enum castor_inflation state = castor_inflation_goes_on;
    while (inflater && block && state == castor_inflation_goes_on && count < most) {
        size_t consumed = 0, written = 0;
        state = castor_inflate(
            inflater, (const uint8_t *)data.start, (size_t)(data.end - data.start), &consumed, block, BLOCK, &written);
        data.start += consumed;
        count += written;
        if (data.start >= data.end && written < BLOCK) {
            break;
        }
    }
    bool is_known = inflater && block;
    if (inflater) {
        castor_inflater_free(inflater);
    }
    free(block);
    return is_known ? count : most;
}

/// JPEG: whether its end marker is there, before what may fill the stream up.
static bool has_end(span data) { return memmem(data.start, (size_t)(data.end - data.start), "\xFF\xD9", 2) != NULL; }

/// - Parameter inflation: bytes that may be inflated, of all that come
static bool lacks_pixels(span dictionary, span data, uint64_t *inflation) {
    span filter = value(dictionary, "/Filter");
    if (filter.start < filter.end && *filter.start == '[') {
        filter.start++;
        const char *close = memchr(filter.start, ']', (size_t)(filter.end - filter.start));
        filter.end = close ? close : filter.end;
        while (filter.start < filter.end && is_space(*filter.start)) {
            filter.start++;
        }
        if (filter.start < filter.end && memchr(filter.start + 1, '/', (size_t)(filter.end - filter.start - 1))) {
            // Several, one after the other.
            return false;
        }
    }
    if (filter.start == filter.end) {
        // As it is. Where the document is encrypted, it is as long.
        return (uint64_t)(data.end - data.start) < needed(dictionary, false);
    }
    if (begins(filter, "/DCTDecode")) {
        return begins(data, "\xFF\xD8") && !has_end(data);
    }
    if (!begins(filter, "/FlateDecode") || *inflation == 0) {
        return false;
    }
    uint64_t most = needed(dictionary, true);
    uint64_t bound = most < *inflation ? most : *inflation;
    uint64_t count = inflated(data, bound);
    *inflation -= count < *inflation ? count : *inflation;
    // What is encrypted does not begin as a stream of zlib's does, and inflates to nothing.
    bool is_plain = data.end - data.start > 2 && (data.start[0] & 0x0F) == 8
                    && (((uint8_t)data.start[0] << 8) + (uint8_t)data.start[1]) % 31 == 0;
    return is_plain && count < bound;
}

bool castor_pdf_lacks_pixels(const char *bytes, size_t size) {
    uint64_t inflation = max_inflated;
    span rest = {bytes, bytes + size};
    int pictures = 0;
    while (pictures < MAX_PICTURES && (rest.start = find(rest, "stream"))) {
        const char *keyword = rest.start;
        rest.start += strlen("stream");
        if (keyword - bytes >= 3 && memcmp(keyword - 3, "end", 3) == 0) {
            continue;
        }
        // Back to the beginning of the object, where that is near.
        const char *least = keyword - bytes > MAX_DICTIONARY ? keyword - MAX_DICTIONARY : bytes;
        span before = {least, keyword};
        for (const char *object; (object = find(before, "obj"));) {
            before.start = object + strlen("obj");
        }
        span kind = value(before, "/Subtype");
        if (!begins(kind, "/Image")) {
            continue;
        }
        pictures++;
        span data = rest;
        data.start += data.start < data.end && *data.start == '\r';
        data.start += data.start < data.end && *data.start == '\n';
        const char *end = find(data, "endstream");
        data.end = end ? end : data.end;
        uint64_t length = number(before, "/Length");
        if (length > 0 && length <= (uint64_t)(rest.end - data.start)) {
            data.end = data.start + length;
        }
        rest.start = data.end;
        if (lacks_pixels(before, data, &inflation)) {
            return true;
        }
    }
    return false;
}

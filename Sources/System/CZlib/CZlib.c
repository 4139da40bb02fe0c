#include "CZlib.h"
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct castor_inflater {
    z_stream stream;
};

castor_inflater *castor_inflater_create(void) {
    castor_inflater *inflater = calloc(1, sizeof *inflater);
    if (!inflater) return NULL;
    // 32: gzip's framing or zlib's, whichever comes.
    if (inflateInit2(&inflater->stream, 15 + 32) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

void castor_inflater_free(castor_inflater *inflater) {
    inflateEnd(&inflater->stream);
    free(inflater);
}

enum castor_inflation castor_inflate(
    castor_inflater *inflater, const uint8_t *input, size_t input_count, size_t *consumed, uint8_t *output,
    size_t output_count, size_t *written) {
    z_stream *stream = &inflater->stream;
    if (input_count > UINT_MAX || output_count > UINT_MAX) return castor_inflation_failed;
    stream->next_in = (Bytef *)input;
    stream->avail_in = (uInt)input_count;
    stream->next_out = output;
    stream->avail_out = (uInt)output_count;
    const int code = inflate(stream, Z_NO_FLUSH);
    *consumed = input_count - stream->avail_in;
    *written = output_count - stream->avail_out;
    if (code == Z_STREAM_END) {
        if (stream->avail_in == 0) return castor_inflation_ended;
        return inflateReset(stream) == Z_OK ? castor_inflation_goes_on : castor_inflation_failed;
    }
    // No progress is a body that breaks off.
    return code == Z_OK && (*consumed || *written) ? castor_inflation_goes_on : castor_inflation_failed;
}

size_t castor_gzip_bound(size_t count) { return compressBound(count) + 32; }

size_t castor_gzip(const uint8_t *input, size_t count, int level, uint8_t *output, size_t output_count) {
    z_stream stream = {0};
    if (count > UINT_MAX || output_count > UINT_MAX) return 0;
    if (deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    stream.next_in = (Bytef *)input;
    stream.avail_in = (uInt)count;
    stream.next_out = output;
    stream.avail_out = (uInt)output_count;
    const int code = deflate(&stream, Z_FINISH);
    const size_t written = output_count - stream.avail_out;
    deflateEnd(&stream);
    return code == Z_STREAM_END ? written : 0;
}

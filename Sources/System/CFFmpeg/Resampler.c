#include "CFFmpeg.h"
#include "Library.h"

#include <limits.h>
#include <stdlib.h>

struct castor_resampler {
    SwrContext *context;
};

castor_ffmpeg_status castor_resampler_create(int input_rate, int output_rate, castor_resampler **resampler) {
    castor_ffmpeg_status loaded = castor_load_resampling();
    if (loaded != CASTOR_FFMPEG_OK) {
        return loaded;
    }
    castor_resampler *r = calloc(1, sizeof *r);
    if (!r) {
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
    int result = ff.swr_alloc_set_opts2(
        &r->context, &mono, AV_SAMPLE_FMT_FLTP, output_rate, &mono, AV_SAMPLE_FMT_FLTP, input_rate, 0, NULL);
    if (result < 0 || ff.swr_init(r->context) < 0) {
        castor_resampler_destroy(r);
        return CASTOR_FFMPEG_UNSUPPORTED;
    }
    *resampler = r;
    return CASTOR_FFMPEG_OK;
}

size_t castor_resampler_bound(castor_resampler *r, size_t count) {
    int bound = count > INT_MAX ? -1 : ff.swr_get_out_samples(r->context, (int)count);
    return bound < 0 ? 0 : (size_t)bound;
}

ptrdiff_t castor_resampler_convert(
    castor_resampler *r, const float *input, size_t count, float *output, size_t capacity) {
    if (count > INT_MAX || capacity > INT_MAX) {
        return -1;
    }
    const uint8_t *in[1] = {(const uint8_t *)input};
    uint8_t *out[1] = {(uint8_t *)output};
    return ff.swr_convert(r->context, out, (int)capacity, input ? in : NULL, input ? (int)count : 0);
}

void castor_resampler_destroy(castor_resampler *r) {
    if (r) {
        ff.swr_free(&r->context);
        free(r);
    }
}

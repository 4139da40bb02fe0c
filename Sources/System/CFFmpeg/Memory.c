#include "Memory.h"

#include <stdlib.h>
#include <string.h>

enum { IO_BUFFER_SIZE = 32 * 1024 };

bool castor_container_cancelled(const castor_container *c) {
    return c->cancelled && __atomic_load_n(c->cancelled, __ATOMIC_RELAXED) != 0;
}

static int is_cancelled(void *opaque) { return castor_container_cancelled(opaque); }

static int read_memory(void *opaque, uint8_t *out, int size) {
    castor_container *c = opaque;
    if (castor_container_cancelled(c)) {
        return AVERROR_EXIT;
    }
    size_t left = c->count - c->position;
    size_t n = (size_t)size < left ? (size_t)size : left;
    if (n == 0) {
        return AVERROR_EOF;
    }
    memcpy(out, c->bytes + c->position, n);
    c->position += n;
    return (int)n;
}

static int64_t seek_memory(void *opaque, int64_t offset, int whence) {
    castor_container *c = opaque;
    int64_t base;
    switch (whence & ~AVSEEK_FORCE) {
        case AVSEEK_SIZE: return (int64_t)c->count;
        case SEEK_SET: base = 0; break;
        case SEEK_CUR: base = (int64_t)c->position; break;
        case SEEK_END: base = (int64_t)c->count; break;
        default: return AVERROR(EINVAL);
    }
    if (offset < -base || offset > (int64_t)c->count - base) {
        return AVERROR(EINVAL);
    }
    c->position = (size_t)(base + offset);
    return (int64_t)c->position;
}

/// Containers may refer to other files and addresses. None is ever opened.
static int refuse_open(
    struct AVFormatContext *s, AVIOContext **pb, const char *url, int flags, AVDictionary **options) {
    (void)s, (void)url, (void)flags, (void)options;
    *pb = NULL;
    return AVERROR(EPERM);
}

castor_ffmpeg_status castor_status_of(int error, castor_ffmpeg_status otherwise) {
    return error == AVERROR(ENOMEM) ? CASTOR_FFMPEG_NO_MEMORY : otherwise;
}

/// Looks for streams. Decoders of pictures that are opened on the way refuse pictures of more than `max_pixels`; null: FFmpeg's own.
static int find_streams(AVFormatContext *format, const char *max_pixels) {
    unsigned count = format->nb_streams;
    AVDictionary **options = max_pixels && count > 0 ? calloc(count, sizeof *options) : NULL;
    for (unsigned i = 0; options && i < count; i++) {
        ff.av_dict_set(&options[i], "max_pixels", max_pixels, 0);
    }
    int error = ff.avformat_find_stream_info(format, options);
    for (unsigned i = 0; options && i < count; i++) {
        ff.av_dict_free(&options[i]);
    }
    free(options);
    return error;
}

castor_ffmpeg_status castor_container_open(
    castor_container *c, const void *bytes, size_t count, const char *demuxer, bool sound_only,
    const int32_t *cancelled) {
    *c = (castor_container){.bytes = bytes, .count = count, .cancelled = cancelled};
    const AVInputFormat *input = ff.av_find_input_format(demuxer);
    if (!input) {
        return CASTOR_FFMPEG_UNSUPPORTED;
    }
    uint8_t *buffer = ff.av_malloc(IO_BUFFER_SIZE);
    c->format = ff.avformat_alloc_context();
    if (buffer) {
        c->io = ff.avio_alloc_context(buffer, IO_BUFFER_SIZE, 0, c, read_memory, NULL, seek_memory);
    }
    if (!c->io || !c->format) {
        ff.av_free(c->io ? NULL : buffer);
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    c->format->pb = c->io;
    c->format->io_open = refuse_open;
    c->format->interrupt_callback = (AVIOInterruptCB){.callback = is_cancelled, .opaque = c};
    // On failure this frees and clears c->format, but not c->io.
    int error = ff.avformat_open_input(&c->format, NULL, input, NULL);
    if (error < 0) {
        return castor_status_of(error, CASTOR_FFMPEG_DAMAGED);
    }
    error = find_streams(c->format, sound_only ? "1" : NULL);
    return error < 0 ? castor_status_of(error, CASTOR_FFMPEG_DAMAGED) : CASTOR_FFMPEG_OK;
}

void castor_container_close(castor_container *c) {
    ff.avformat_close_input(&c->format);
    if (c->io) {
        // FFmpeg may have replaced the buffer that we gave it.
        ff.av_freep(&c->io->buffer);
        ff.avio_context_free(&c->io);
    }
}

#include "Memory.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IO_BUFFER_SIZE = 32 * 1024 };

double castor_thread_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

bool castor_container_is_over(const castor_container *c) {
    bool cancelled = c->cancelled && __atomic_load_n(c->cancelled, __ATOMIC_RELAXED) != 0;
    return cancelled || castor_thread_seconds() > c->end;
}

static int is_over(void *opaque) { return castor_container_is_over(opaque); }

static int read_memory(void *opaque, uint8_t *out, int size) {
    castor_container *c = opaque;
    size_t left = c->count - c->position;
    size_t n = (size_t)size < left ? (size_t)size : left;
    if (castor_container_is_over(c)) {
        return AVERROR_EXIT;
    }
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
    switch (error) {
        case AVERROR(ENOMEM): return CASTOR_FFMPEG_NO_MEMORY;
        case AVERROR_EXIT: return CASTOR_FFMPEG_TOO_SLOW;
        default: return otherwise;
    }
}

/// The names of all decoders of sound, with commas between them.
static char sound_decoders[8192];

static void list_sound_decoders(void) {
    size_t length = 0;
    void *place = NULL;
    for (const AVCodec *codec; (codec = ff.av_codec_iterate(&place));) {
        size_t size = strlen(codec->name);
        if (codec->type == AVMEDIA_TYPE_AUDIO && ff.av_codec_is_decoder(codec) && length + size + 2 < sizeof sound_decoders) {
            length += (size_t)snprintf(
                sound_decoders + length, sizeof sound_decoders - length, length ? ",%s" : "%s", codec->name);
        }
    }
}

/// Looks for streams. Decoders of pictures that are opened on the way refuse pictures of more than `max_pixels`.
static int find_streams(AVFormatContext *format, int64_t max_pixels) {
    unsigned count = format->nb_streams;
    AVDictionary **options = count > 0 ? calloc(count, sizeof *options) : NULL;
    if (count > 0 && !options) {
        return AVERROR(ENOMEM);
    }
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)max_pixels);
    int error = 0;
    for (unsigned i = 0; error >= 0 && i < count; i++) {
        error = ff.av_dict_set(&options[i], "max_pixels", text, 0);
    }
    if (error >= 0) {
        error = ff.avformat_find_stream_info(format, options);
    }
    for (unsigned i = 0; i < count; i++) {
        ff.av_dict_free(&options[i]);
    }
    free(options);
    return error;
}

/// More than a broadcaster's multiplex has. Each costs a decoder.
enum { MAX_STREAMS = 256 };

static castor_ffmpeg_status open_format(castor_container *c, const char *demuxer, bool sound_only) {
    c->position = 0;
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
    c->format->interrupt_callback = (AVIOInterruptCB){.callback = is_over, .opaque = c};
    c->format->max_streams = MAX_STREAMS;
    AVDictionary *options = NULL;
    int error = 0;
    if (sound_only) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, list_sound_decoders);
        error = ff.av_dict_set(&options, "codec_whitelist", sound_decoders, 0);
    }
    if (error >= 0) {
        // On failure this frees and clears c->format, but not c->io.
        error = ff.avformat_open_input(&c->format, NULL, input, &options);
    }
    ff.av_dict_free(&options);
    return error < 0 ? castor_status_of(error, CASTOR_FFMPEG_DAMAGED) : CASTOR_FFMPEG_OK;
}

/// Reads until there are `streams`, or for as long as FFmpeg looks for them. Nothing is decoded.
static castor_ffmpeg_status read_on(castor_container *c, unsigned streams) {
    AVPacket *packet = ff.av_packet_alloc();
    if (!packet) {
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    int error = 0;
    for (int64_t size = 0; c->format->nb_streams < streams && size < c->format->probesize && error >= 0;) {
        error = ff.av_read_frame(c->format, packet);
        size += error >= 0 ? packet->size : 0;
        ff.av_packet_unref(packet);
    }
    ff.av_packet_free(&packet);
    return castor_status_of(error, CASTOR_FFMPEG_OK);
}

/// Program and transport streams may begin a stream anywhere, and decoders are bounded for streams that are known before FFmpeg looks into
/// them. So the file is read twice: first to see how many there are, and then until all of those are there, and from the beginning again.
static castor_ffmpeg_status know_streams(castor_container *c, const char *demuxer) {
    castor_container first = {.bytes = c->bytes, .count = c->count, .end = c->end, .cancelled = c->cancelled};
    castor_ffmpeg_status status = open_format(&first, demuxer, false);
    if (status == CASTOR_FFMPEG_OK) {
        status = read_on(&first, UINT_MAX);
    }
    unsigned streams = status == CASTOR_FFMPEG_OK ? first.format->nb_streams : 0;
    castor_container_close(&first);
    if (status == CASTOR_FFMPEG_OK && streams > c->format->nb_streams) {
        int64_t begin = ff.avio_seek(c->io, 0, SEEK_CUR);
        status = read_on(c, streams);
        ff.avformat_flush(c->format);
        ff.avio_seek(c->io, begin, SEEK_SET);
    }
    return status;
}

castor_ffmpeg_status castor_container_open(
    castor_container *c, const void *bytes, size_t count, const char *demuxer, int64_t max_pixels, double end,
    const int32_t *cancelled) {
    *c = (castor_container){.bytes = bytes, .count = count, .end = end, .cancelled = cancelled};
    bool sound_only = max_pixels == 0;
    castor_ffmpeg_status status = open_format(c, demuxer, sound_only);
    bool begins_streams_late = strcmp(demuxer, "mpeg") == 0 || strcmp(demuxer, "mpegts") == 0;
    if (status == CASTOR_FFMPEG_OK && begins_streams_late && !sound_only) {
        status = know_streams(c, demuxer);
        c->format->max_streams = (int)c->format->nb_streams;
    }
    if (status == CASTOR_FFMPEG_OK) {
        int error = find_streams(c->format, sound_only ? 1 : max_pixels);
        c->format->max_streams = MAX_STREAMS;
        status = error < 0 ? castor_status_of(error, CASTOR_FFMPEG_DAMAGED) : CASTOR_FFMPEG_OK;
    }
    return status != CASTOR_FFMPEG_OK && castor_container_is_over(c) ? CASTOR_FFMPEG_TOO_SLOW : status;
}

void castor_container_close(castor_container *c) {
    ff.avformat_close_input(&c->format);
    if (c->io) {
        // FFmpeg may have replaced the buffer that we gave it.
        ff.av_freep(&c->io->buffer);
        ff.avio_context_free(&c->io);
    }
}

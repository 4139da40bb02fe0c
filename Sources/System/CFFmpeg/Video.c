#include "CFFmpeg.h"
#include "Library.h"
#include "Memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct castor_video_reader {
    castor_container container;
    char demuxer[32]; // a copy: the caller's text may be gone when the file is read again
    const uint8_t *bytes;
    size_t count;
    int stream;
    double end; // of what the scan saw, all streams, in seconds
    size_t damaged; // packets of the stream, as the container knows

    // Streams of programs that were joined, or whose clock was set, go on at other times: this is added to make them one, in the
    // stream's unit, and `next` is when the next packet is due.
    bool splices, has_next;
    int64_t shift, next;

    castor_video_packet *packets;
    size_t packet_count;
    /// One byte a packet: whether the decoder gets it.
    uint8_t *needed;
};

enum { NOT_NEEDED, FOR_OTHERS, WANTED };

/// Files that were cut keep the length of the whole; so do those whose tables are damaged.
static bool claims_length(const castor_video_reader *r) {
    return strcmp(r->demuxer, "matroska") == 0 || strcmp(r->demuxer, "mov") == 0;
}

/// The packets of the other streams are passed over already in the container, unless they are wanted for their times.
static castor_ffmpeg_status open_container(castor_video_reader *r, enum AVDiscard others) {
    castor_ffmpeg_status status = castor_container_open(&r->container, r->bytes, r->count, r->demuxer, false);
    if (status != CASTOR_FFMPEG_OK) {
        return status;
    }
    const AVCodec *decoder = NULL;
    r->stream = ff.av_find_best_stream(r->container.format, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
    if (r->stream == AVERROR_DECODER_NOT_FOUND) {
        return CASTOR_FFMPEG_UNSUPPORTED;
    }
    if (r->stream < 0) {
        return CASTOR_FFMPEG_NO_STREAM;
    }
    AVFormatContext *format = r->container.format;
    r->splices = strcmp(r->demuxer, "mpeg") == 0 || strcmp(r->demuxer, "mpegts") == 0;
    r->has_next = false;
    r->shift = 0;
    // Programs streams leave some times out.
    format->flags |= AVFMT_FLAG_GENPTS;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        format->streams[i]->discard = (int)i == r->stream ? AVDISCARD_DEFAULT : others;
    }
    return CASTOR_FFMPEG_OK;
}

static int quarter_turns(AVStream *stream) {
    size_t size = 0;
    const uint8_t *matrix = ff.av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (!matrix || size < 9 * sizeof(int32_t)) {
        return 0;
    }
    double angle = ff.av_display_rotation_get((const int32_t *)matrix);
    if (!(angle >= -360 && angle <= 360)) {
        return 0;
    }
    // Counterclockwise, in degrees.
    int turns = (int)(angle / 90 + (angle < 0 ? -0.5 : 0.5));
    return (4 - turns % 4) % 4;
}

castor_ffmpeg_status castor_video_open(
    const void *bytes, size_t count, const char *demuxer, castor_video_reader **reader, castor_video_info *info) {
    if (!castor_load_scaling()) {
        return CASTOR_FFMPEG_MISSING;
    }
    castor_video_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    r->bytes = bytes;
    r->count = count;
    snprintf(r->demuxer, sizeof r->demuxer, "%s", demuxer);
    castor_ffmpeg_status status = open_container(r, claims_length(r) ? AVDISCARD_DEFAULT : AVDISCARD_ALL);
    if (status != CASTOR_FFMPEG_OK) {
        castor_video_close(r);
        return status;
    }
    AVFormatContext *format = r->container.format;
    AVStream *stream = format->streams[r->stream];
    const AVCodecParameters *codec = stream->codecpar;
    // Not from the distance of first and last times either, between which the clock may have been set.
    bool guessed = format->duration_estimation_method != AVFMT_DURATION_FROM_STREAM;
    bool known = stream->duration != AV_NOPTS_VALUE && stream->duration >= 0 && !guessed;
    AVRational aspect = stream->sample_aspect_ratio.num ? stream->sample_aspect_ratio : codec->sample_aspect_ratio;
    bool plausible = aspect.num > 0 && aspect.den > 0 && aspect.num / 16 <= aspect.den && aspect.den / 16 <= aspect.num;
    const AVCodec *decoder = ff.avcodec_find_decoder(codec->codec_id);
    *info = (castor_video_info){
        .seconds = known ? (double)stream->duration * stream->time_base.num / stream->time_base.den : -1,
        .file_seconds = claims_length(r) && !guessed && format->duration != AV_NOPTS_VALUE
            ? (double)format->duration / AV_TIME_BASE : -1,
        .width = codec->width,
        .height = codec->height,
        .aspect_num = plausible ? aspect.num : 1,
        .aspect_den = plausible ? aspect.den : 1,
        .quarter_turns = quarter_turns(stream),
        .has_audio = ff.av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0) >= 0,
        .max_lowres = decoder ? decoder->max_lowres : 0,
    };
    *reader = r;
    return CASTOR_FFMPEG_OK;
}

static void see_end(castor_video_reader *r, const AVPacket *packet) {
    const AVFormatContext *format = r->container.format;
    if (packet->pts == AV_NOPTS_VALUE) {
        return;
    }
    AVRational unit = format->streams[packet->stream_index]->time_base;
    double start = format->start_time == AV_NOPTS_VALUE ? 0 : (double)format->start_time / AV_TIME_BASE;
    double end = ((double)packet->pts + (double)packet->duration) * unit.num / unit.den - start;
    r->end = end > r->end ? end : r->end;
}

enum { SPLICE_BACK_TENTHS = 1, SPLICE_AHEAD_TENTHS = 100 };

/// Joins times as FFmpeg's own programs do: a step back by more than a tenth of a second, or ahead by more than ten seconds.
static void splice(castor_video_reader *r, AVPacket *packet) {
    AVRational unit = r->container.format->streams[r->stream]->time_base;
    int64_t tenth = unit.num > 0 ? unit.den / (10 * (int64_t)unit.num) : 0;
    int64_t limit = INT64_MAX / 4;
    if (packet->dts != AV_NOPTS_VALUE && packet->dts < limit && packet->dts > -limit) {
        int64_t due = packet->dts + r->shift;
        int64_t late = r->has_next ? due - r->next : 0;
        if (late < -SPLICE_BACK_TENTHS * tenth || late > SPLICE_AHEAD_TENTHS * tenth) {
            r->shift -= late;
            due = r->next;
        }
        r->next = due + (packet->duration > 0 ? packet->duration : 0);
        r->has_next = true;
        packet->dts = due;
    }
    if (packet->pts != AV_NOPTS_VALUE && packet->pts < limit && packet->pts > -limit) {
        packet->pts += r->shift;
        int64_t wait = packet->dts == AV_NOPTS_VALUE ? 0 : packet->pts - packet->dts;
        if (wait < -SPLICE_AHEAD_TENTHS * tenth || wait > SPLICE_AHEAD_TENTHS * tenth) {
            // A damaged time, which would hide all others.
            packet->pts = packet->dts;
        }
    }
}

/// The next packet of the stream; END after the last one.
static castor_ffmpeg_status next_packet(castor_video_reader *r, AVPacket *packet) {
    for (;;) {
        int error = ff.av_read_frame(r->container.format, packet);
        if (error == AVERROR_EOF) {
            return CASTOR_FFMPEG_END;
        }
        if (error < 0) {
            return castor_status_of(error, CASTOR_FFMPEG_DAMAGED);
        }
        see_end(r, packet);
        if (packet->stream_index == r->stream) {
            if (r->splices) {
                splice(r, packet);
            }
            return CASTOR_FFMPEG_OK;
        }
        ff.av_packet_unref(packet);
    }
}

static castor_ffmpeg_status append(castor_video_reader *r, const AVPacket *packet, size_t *capacity) {
    if (r->packet_count == *capacity) {
        size_t larger = *capacity ? 2 * *capacity : 256;
        castor_video_packet *packets = realloc(r->packets, larger * sizeof *packets);
        if (!packets) {
            return CASTOR_FFMPEG_NO_MEMORY;
        }
        r->packets = packets;
        *capacity = larger;
    }
    bool timed = packet->pts != AV_NOPTS_VALUE;
    r->packets[r->packet_count++] = (castor_video_packet){
        .time = timed ? packet->pts : packet->dts == AV_NOPTS_VALUE ? 0 : packet->dts,
        .duration = packet->duration > 0 ? packet->duration : 0,
        .key = (packet->flags & AV_PKT_FLAG_KEY) != 0,
        .shown = (packet->flags & AV_PKT_FLAG_DISCARD) == 0 && (timed || packet->dts != AV_NOPTS_VALUE),
    };
    return CASTOR_FFMPEG_OK;
}

castor_ffmpeg_status castor_video_scan(
    castor_video_reader *r, size_t most, const castor_video_packet **packets, size_t *count, int *unit_num,
    int *unit_den, double *end, bool *broken, size_t *damaged) {
    AVPacket *packet = ff.av_packet_alloc();
    castor_ffmpeg_status status = packet ? CASTOR_FFMPEG_OK : CASTOR_FFMPEG_NO_MEMORY;
    size_t capacity = 0;
    while (status == CASTOR_FFMPEG_OK && r->packet_count < most) {
        status = next_packet(r, packet);
        if (status == CASTOR_FFMPEG_OK) {
            r->damaged += (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
            status = append(r, packet, &capacity);
            ff.av_packet_unref(packet);
        }
    }
    ff.av_packet_free(&packet);
    if (status == CASTOR_FFMPEG_OK) {
        return CASTOR_FFMPEG_TOO_LONG;
    }
    if (status != CASTOR_FFMPEG_END && (status != CASTOR_FFMPEG_DAMAGED || r->packet_count == 0)) {
        return status;
    }
    *broken = status != CASTOR_FFMPEG_END;
    if (r->packet_count == 0) {
        return CASTOR_FFMPEG_DAMAGED;
    }
    r->needed = calloc(r->packet_count, 1);
    if (!r->needed) {
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    AVRational unit = r->container.format->streams[r->stream]->time_base;
    *unit_num = unit.num;
    *unit_den = unit.den;
    *packets = r->packets;
    *count = r->packet_count;
    *end = r->end;
    *damaged = r->damaged;
    return CASTOR_FFMPEG_OK;
}

/// Marks the wanted packets, and for each those from the key packet that it may depend on. A key packet that is shown later than
/// the wanted one does not help: the wanted one leads it, and depends on what is before it.
static size_t mark(castor_video_reader *r, const size_t *indices, size_t count) {
    memset(r->needed, NOT_NEEDED, r->packet_count);
    for (size_t i = 0; i < count; i++) {
        r->needed[indices[i]] = WANTED;
    }
    for (size_t i = 0; i < count; i++) {
        const castor_video_packet *wanted = &r->packets[indices[i]];
        for (size_t j = indices[i]; !(r->packets[j].key && r->packets[j].time <= wanted->time) && j > 0;) {
            j--;
            if (r->needed[j] == FOR_OTHERS) {
                break;
            }
            r->needed[j] = r->needed[j] == WANTED ? WANTED : FOR_OTHERS;
        }
    }
    size_t cost = 0;
    for (size_t j = 0; j < r->packet_count; j++) {
        cost += r->needed[j] != NOT_NEEDED;
    }
    return cost;
}

size_t castor_video_cost(castor_video_reader *r, const size_t *indices, size_t count) { return mark(r, indices, count); }

// Decoding

typedef struct {
    castor_video_reader *reader;
    const castor_video_request *request;
    uint8_t *rgb;
    AVCodecContext *codec;
    struct SwsContext *scaler;
    int scaler_width, scaler_height, scaler_format, scaler_matrix, scaler_range;
    AVFrame *frame;
    /// The last frame that is shown before the next wanted one.
    AVFrame *before;
    size_t done;
    size_t decoded;
    castor_video_damage damage;
} decoding;

enum { MAX_ERRORS_IN_A_ROW = 64 };

static int64_t wanted_time(const decoding *d, size_t i) {
    return d->reader->packets[d->request->indices[i]].time;
}

static castor_ffmpeg_status prepare_scaler(decoding *d, const AVFrame *frame) {
    // Formats "J" are full range by themselves.
    bool full = frame->color_range == AVCOL_RANGE_JPEG;
    if (d->scaler && d->scaler_width == frame->width && d->scaler_height == frame->height
        && d->scaler_format == frame->format && d->scaler_matrix == (int)frame->colorspace && d->scaler_range == full) {
        return CASTOR_FFMPEG_OK;
    }
    ff.sws_freeContext(d->scaler);
    d->scaler = ff.sws_getContext(
        frame->width, frame->height, frame->format, d->request->width, d->request->height, AV_PIX_FMT_RGB24,
        SWS_AREA | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
    if (!d->scaler) {
        return CASTOR_FFMPEG_UNSUPPORTED;
    }
    d->scaler_width = frame->width;
    d->scaler_height = frame->height;
    d->scaler_format = frame->format;
    d->scaler_matrix = (int)frame->colorspace;
    d->scaler_range = full;
    // sws_getCoefficients gives BT.601 for what it does not know. RGB frames refuse the call, and need it not.
    const int *matrix = ff.sws_getCoefficients((int)frame->colorspace);
    const int *rgb = ff.sws_getCoefficients(SWS_CS_DEFAULT);
    ff.sws_setColorspaceDetails(d->scaler, matrix, full, rgb, 1, 0, 1 << 16, 1 << 16);
    return CASTOR_FFMPEG_OK;
}

/// Writes a frame as the next wanted one.
static castor_ffmpeg_status emit(decoding *d, const AVFrame *frame) {
    if (frame->width <= 0 || frame->height <= 0) {
        return CASTOR_FFMPEG_DAMAGED;
    }
    castor_ffmpeg_status status = prepare_scaler(d, frame);
    if (status != CASTOR_FFMPEG_OK) {
        return status;
    }
    size_t stride = (size_t)d->request->width * 3;
    uint8_t *planes[4] = {d->rgb + d->done * stride * (size_t)d->request->height};
    int strides[4] = {(int)stride};
    int rows = ff.sws_scale(
        d->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, planes, strides);
    d->done++;
    return rows == d->request->height ? CASTOR_FFMPEG_OK : CASTOR_FFMPEG_DAMAGED;
}

/// Emits what the frame at hand settles: frames come in the order in which they are shown.
static castor_ffmpeg_status take(decoding *d) {
    int64_t time = d->frame->pts;
    castor_ffmpeg_status status = CASTOR_FFMPEG_OK;
    while (status == CASTOR_FFMPEG_OK && d->done < d->request->count && wanted_time(d, d->done) < time) {
        // The wanted frame itself did not come: what was on display instead.
        status = emit(d, d->before->data[0] ? d->before : d->frame);
    }
    if (status == CASTOR_FFMPEG_OK && d->done < d->request->count && wanted_time(d, d->done) == time) {
        status = emit(d, d->frame);
    }
    ff.av_frame_unref(d->before);
    ff.av_frame_move_ref(d->before, d->frame);
    return status;
}

/// All frames that the decoder has ready. Those that it cannot decode are counted: others are on display in their place.
static castor_ffmpeg_status receive(decoding *d) {
    for (int errors = 0; errors < MAX_ERRORS_IN_A_ROW;) {
        int error = ff.avcodec_receive_frame(d->codec, d->frame);
        if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) {
            break;
        }
        if (error == AVERROR(ENOMEM)) {
            return CASTOR_FFMPEG_NO_MEMORY;
        }
        if (error < 0) {
            d->damage.undecodable++;
            errors++;
            continue;
        }
        errors = 0;
        d->decoded++;
        d->damage.concealed += d->frame->decode_error_flags != 0;
        if (d->frame->pts == AV_NOPTS_VALUE) {
            d->frame->pts = d->frame->best_effort_timestamp;
        }
        castor_ffmpeg_status status = take(d);
        if (status != CASTOR_FFMPEG_OK) {
            return status;
        }
    }
    return CASTOR_FFMPEG_OK;
}

/// The frames that the decoder still holds, at the end of a stretch of packets; the wanted ones among its packets are then settled.
static castor_ffmpeg_status drain(decoding *d, size_t settled) {
    ff.avcodec_send_packet(d->codec, NULL);
    castor_ffmpeg_status status = receive(d);
    while (status == CASTOR_FFMPEG_OK && d->done < settled) {
        status = d->before->data[0] ? emit(d, d->before) : CASTOR_FFMPEG_DAMAGED;
    }
    ff.av_frame_unref(d->before);
    ff.avcodec_flush_buffers(d->codec);
    return status;
}

static castor_ffmpeg_status open_decoder(decoding *d) {
    AVStream *stream = d->reader->container.format->streams[d->reader->stream];
    const AVCodec *decoder = ff.avcodec_find_decoder(stream->codecpar->codec_id);
    if (!decoder) {
        return CASTOR_FFMPEG_UNSUPPORTED;
    }
    d->codec = ff.avcodec_alloc_context3(decoder);
    d->frame = ff.av_frame_alloc();
    d->before = ff.av_frame_alloc();
    if (!d->codec || !d->frame || !d->before) {
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    int error = ff.avcodec_parameters_to_context(d->codec, stream->codecpar);
    if (error < 0) {
        return castor_status_of(error, CASTOR_FFMPEG_DAMAGED);
    }
    d->codec->pkt_timebase = stream->time_base;
    // With threads, dav1d 1.0 waits for ever for a frame that was damaged.
    d->codec->thread_count = decoder->id == AV_CODEC_ID_AV1 ? 1 : d->request->threads;
    d->codec->lowres = d->request->lowres;
    d->codec->max_pixels = d->request->max_pixels;
    error = ff.avcodec_open2(d->codec, decoder, NULL);
    return error < 0 ? castor_status_of(error, CASTOR_FFMPEG_DAMAGED) : CASTOR_FFMPEG_OK;
}

/// Gives a packet to the decoder and takes what it has. Frames that no other one depends on are passed over, unless wanted.
static castor_ffmpeg_status feed(decoding *d, const AVPacket *packet, bool wanted) {
    d->codec->skip_frame = wanted ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
    int error = ff.avcodec_send_packet(d->codec, packet);
    if (error == AVERROR(ENOMEM)) {
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    d->damage.undecodable += error < 0;
    return receive(d);
}

static castor_ffmpeg_status run(decoding *d, AVPacket *packet) {
    castor_video_reader *r = d->reader;
    size_t wanted = 0;
    bool open_stretch = false;
    castor_ffmpeg_status status = CASTOR_FFMPEG_OK;
    for (size_t j = 0; status == CASTOR_FFMPEG_OK && d->done < d->request->count && j < r->packet_count; j++) {
        status = next_packet(r, packet);
        if (status != CASTOR_FFMPEG_OK) {
            // The scan saw a packet here.
            return status == CASTOR_FFMPEG_END ? CASTOR_FFMPEG_DAMAGED : status;
        }
        if (r->needed[j] != NOT_NEEDED) {
            wanted += r->needed[j] == WANTED;
            open_stretch = true;
            status = feed(d, packet, r->needed[j] == WANTED);
        }
        ff.av_packet_unref(packet);
        bool ends = j + 1 == r->packet_count || r->needed[j + 1] == NOT_NEEDED;
        if (status == CASTOR_FFMPEG_OK && open_stretch && ends) {
            status = drain(d, wanted);
            open_stretch = false;
        }
    }
    return status == CASTOR_FFMPEG_OK && d->done < d->request->count ? CASTOR_FFMPEG_DAMAGED : status;
}

castor_ffmpeg_status castor_video_decode(
    castor_video_reader *r, const castor_video_request *request, uint8_t *rgb, castor_video_damage *damage) {
    mark(r, request->indices, request->count);
    // From the beginning, without seeking: reading packets is cheap, and seeking is inexact in some containers.
    castor_container_close(&r->container);
    castor_ffmpeg_status status = open_container(r, AVDISCARD_ALL);
    decoding d = {.reader = r, .request = request, .rgb = rgb};
    AVPacket *packet = ff.av_packet_alloc();
    if (status == CASTOR_FFMPEG_OK) {
        status = packet ? open_decoder(&d) : CASTOR_FFMPEG_NO_MEMORY;
    }
    if (status == CASTOR_FFMPEG_OK) {
        status = run(&d, packet);
    }
    *damage = d.damage;
    if (status == CASTOR_FFMPEG_OK && d.damage.undecodable > d.decoded) {
        status = CASTOR_FFMPEG_DAMAGED;
    }
    ff.sws_freeContext(d.scaler);
    ff.av_frame_free(&d.frame);
    ff.av_frame_free(&d.before);
    ff.av_packet_free(&packet);
    ff.avcodec_free_context(&d.codec);
    return status;
}

void castor_video_close(castor_video_reader *r) {
    if (r) {
        castor_container_close(&r->container);
        free(r->packets);
        free(r->needed);
        free(r);
    }
}

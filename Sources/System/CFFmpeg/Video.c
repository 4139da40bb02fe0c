#include "VideoReader.h"
#include "Library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Files that were cut keep the length of the whole; so do those whose tables are damaged.
static bool claims_length(const castor_video_reader *r) {
    return strcmp(r->demuxer, "matroska") == 0 || strcmp(r->demuxer, "mov") == 0;
}

castor_ffmpeg_status castor_video_open_container(castor_video_reader *r, enum AVDiscard others) {
    castor_ffmpeg_status status = castor_container_open(
        &r->container, r->bytes, r->count, r->demuxer, r->limits.frame_pixels, r->time_end, r->limits.cancelled);
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
    const void *bytes, size_t count, const char *demuxer, castor_video_limits limits, castor_video_reader **reader,
    castor_video_info *info) {
    castor_ffmpeg_status status = castor_load_scaling();
    if (status != CASTOR_FFMPEG_OK) {
        return status;
    }
    castor_video_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    r->bytes = bytes;
    r->count = count;
    r->limits = limits;
    r->time_end = castor_thread_seconds() + limits.seconds;
    snprintf(r->demuxer, sizeof r->demuxer, "%s", demuxer);
    status = castor_video_open_container(r, claims_length(r) ? AVDISCARD_DEFAULT : AVDISCARD_ALL);
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

castor_ffmpeg_status castor_video_next_packet(castor_video_reader *r, AVPacket *packet) {
    for (;;) {
        // Packets that are in a buffer are not read from memory.
        if (castor_container_is_over(&r->container)) {
            return CASTOR_FFMPEG_TOO_SLOW;
        }
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
        status = castor_video_next_packet(r, packet);
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
size_t castor_video_mark(castor_video_reader *r, const size_t *indices, size_t count) {
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

size_t castor_video_cost(castor_video_reader *r, const size_t *indices, size_t count) {
    return castor_video_mark(r, indices, count);
}

void castor_video_close(castor_video_reader *r) {
    if (r) {
        castor_container_close(&r->container);
        free(r->packets);
        free(r->needed);
        free(r);
    }
}

#include "Memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CHANNELS = 64 };

struct castor_audio_reader {
    castor_container container;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    int stream;
    unsigned stream_count; // when it was opened
    bool draining;
    // The others' last packet is short wherever their length is not a multiple of it.
    bool knows_corrupt;
    // Sample tables can name the same bytes, or none, millions of times.
    size_t packets_left;
    // In the stream's unit: what ends before it is not decoded.
    int64_t begin;
    castor_audio_damage damage;

    float *mono;
    size_t mono_capacity;
    // Samples of the last block in `mono`; behind them stand `held` ones that a header calls padding at the end: dropped if no
    // frame follows, and sound otherwise, because the header was wrong.
    size_t emitted, held;
    // Samples at the start that are still to be dropped. MP3 only: elsewhere FFmpeg drops both kinds by itself.
    size_t skip;
    bool trims;
};

static castor_ffmpeg_status open_decoder(castor_audio_reader *r) {
    const AVCodec *decoder = NULL;
    r->stream = ff.av_find_best_stream(r->container.format, AVMEDIA_TYPE_AUDIO, -1, -1, &decoder, 0);
    if (r->stream == AVERROR_DECODER_NOT_FOUND) {
        return CASTOR_FFMPEG_UNSUPPORTED;
    }
    if (r->stream < 0) {
        return CASTOR_FFMPEG_NO_STREAM;
    }
    for (unsigned i = 0; i < r->container.format->nb_streams; i++) {
        r->container.format->streams[i]->discard = (int)i == r->stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
    AVStream *stream = r->container.format->streams[r->stream];
    if (stream->codecpar->codec_id == AV_CODEC_ID_OPUS) {
        // FFmpeg's own Opus decoder differs from the reference one, which libsndfile uses, by 0.1 in a sample.
        const AVCodec *reference = ff.avcodec_find_decoder_by_name("libopus");
        decoder = reference ? reference : decoder;
    }
    r->codec = ff.avcodec_alloc_context3(decoder);
    r->packet = ff.av_packet_alloc();
    r->frame = ff.av_frame_alloc();
    if (!r->codec || !r->packet || !r->frame) {
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    int error = ff.avcodec_parameters_to_context(r->codec, stream->codecpar);
    if (error < 0) {
        return castor_status_of(error, CASTOR_FFMPEG_DAMAGED);
    }
    if (stream->codecpar->codec_id == AV_CODEC_ID_FLAC) {
        // A lossless file carries checksums to be believed.
        r->codec->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
    }
    // Lets the decoder trim the encoder's padding, and keeps the process at one thread a call.
    r->codec->pkt_timebase = stream->time_base;
    r->codec->thread_count = 1;
    // libopus would round to 16 bits.
    r->codec->request_sample_fmt = AV_SAMPLE_FMT_FLT;
    if (r->trims) {
        r->codec->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL;
    }
    error = ff.avcodec_open2(r->codec, decoder, NULL);
    return error < 0 ? castor_status_of(error, CASTOR_FFMPEG_DAMAGED) : CASTOR_FFMPEG_OK;
}

/// The container's length is that of its longest stream of any kind, and stands for the stream's where there is no other.
static double claimed_seconds(const AVFormatContext *format, const AVStream *stream) {
    if (format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE) {
        return -1;
    }
    if (stream->duration != AV_NOPTS_VALUE) {
        return stream->duration < 0 ? -1 : (double)stream->duration * stream->time_base.num / stream->time_base.den;
    }
    bool told = format->nb_streams == 1 && format->duration != AV_NOPTS_VALUE && format->duration > 0;
    return told ? (double)format->duration / AV_TIME_BASE : -1;
}

castor_ffmpeg_status castor_audio_open(
    const void *bytes, size_t count, const char *demuxer, double seconds, const int32_t *cancelled,
    castor_audio_reader **reader, castor_audio_info *info) {
    castor_ffmpeg_status status = castor_load_decoding();
    if (status != CASTOR_FFMPEG_OK) {
        return status;
    }
    castor_audio_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    r->packets_left = count + 1024;
    r->trims = strcmp(demuxer, "mp3") == 0;
    r->knows_corrupt = strcmp(demuxer, "mov") == 0 || strcmp(demuxer, "matroska") == 0
        || strcmp(demuxer, "mpeg") == 0 || strcmp(demuxer, "mpegts") == 0;
    r->begin = INT64_MIN;
    status = castor_container_open(
        &r->container, bytes, count, demuxer, 0, castor_thread_seconds() + seconds, cancelled);
    if (status == CASTOR_FFMPEG_OK) {
        status = open_decoder(r);
    }
    if (status != CASTOR_FFMPEG_OK) {
        castor_audio_close(r);
        return status;
    }
    r->stream_count = r->container.format->nb_streams;
    info->seconds = claimed_seconds(r->container.format, r->container.format->streams[r->stream]);
    const AVCodecDescriptor *kind = ff.avcodec_descriptor_get(r->codec->codec_id);
    info->lossless = kind && (kind->props & AV_CODEC_PROP_LOSSLESS) && !(kind->props & AV_CODEC_PROP_LOSSY);
    info->sample_rate = r->codec->sample_rate;
    info->channels = r->codec->ch_layout.nb_channels;
    *reader = r;
    return CASTOR_FFMPEG_OK;
}

// Sums one channel into the mono buffer: `step` values apart, scaled to -1...1.
#define ADD(type, offset, scale) \
    for (int i = 0; i < n; i++) { \
        mono[i] += (float)(((double)((const type *)plane)[(size_t)i * step] - (offset)) * (scale)); \
    }

static bool add_channel(float *mono, const AVFrame *frame, int channel, int channels) {
    int n = frame->nb_samples;
    bool planar = frame->format >= AV_SAMPLE_FMT_U8P && frame->format != AV_SAMPLE_FMT_S64;
    size_t step = planar ? 1 : (size_t)channels;
    const uint8_t *plane = planar ? frame->extended_data[channel] : frame->extended_data[0];
    switch (frame->format) {
        case AV_SAMPLE_FMT_FLTP:
        case AV_SAMPLE_FMT_FLT:
            plane += planar ? 0 : (size_t)channel * sizeof(float);
            for (int i = 0; i < n; i++) {
                mono[i] += ((const float *)plane)[(size_t)i * step];
            }
            return true;
        case AV_SAMPLE_FMT_DBLP:
        case AV_SAMPLE_FMT_DBL:
            plane += planar ? 0 : (size_t)channel * sizeof(double);
            ADD(double, 0, 1)
            return true;
        case AV_SAMPLE_FMT_S16P:
        case AV_SAMPLE_FMT_S16:
            plane += planar ? 0 : (size_t)channel * sizeof(int16_t);
            ADD(int16_t, 0, 1.0 / 32768)
            return true;
        case AV_SAMPLE_FMT_S32P:
        case AV_SAMPLE_FMT_S32:
            plane += planar ? 0 : (size_t)channel * sizeof(int32_t);
            ADD(int32_t, 0, 1.0 / 2147483648.0)
            return true;
        case AV_SAMPLE_FMT_U8P:
        case AV_SAMPLE_FMT_U8:
            plane += planar ? 0 : (size_t)channel;
            ADD(uint8_t, 128, 1.0 / 128)
            return true;
        default: return false;
    }
}

/// Makes room for `n` samples behind the held ones, which come to the front.
static castor_ffmpeg_status make_room(castor_audio_reader *r, size_t n) {
    if (r->held > 0) {
        memmove(r->mono, r->mono + r->emitted, r->held * sizeof(float));
    }
    if (r->held + n > r->mono_capacity) {
        float *larger = realloc(r->mono, (r->held + n) * sizeof(float));
        if (!larger) {
            return CASTOR_FFMPEG_NO_MEMORY;
        }
        r->mono = larger;
        r->mono_capacity = r->held + n;
    }
    r->emitted = 0;
    return CASTOR_FFMPEG_OK;
}

/// Of `n` samples behind the held ones, drops those that an MP3 encoder put before the sound and holds those behind it.
static void trim(castor_audio_reader *r, size_t n) {
    const AVFrameSideData *marks = r->trims ? ff.av_frame_get_side_data(r->frame, AV_FRAME_DATA_SKIP_SAMPLES) : NULL;
    uint32_t counts[2] = {0, 0}; // at the start, at the end; little-endian
    for (size_t i = 0; marks && marks->size >= 8 && i < 8; i++) {
        counts[i / 4] |= (uint32_t)marks->data[i] << 8 * (i % 4);
    }
    r->skip += counts[0];
    size_t start = r->skip < n ? r->skip : n;
    r->skip -= start;
    n -= start;
    memmove(r->mono + r->held, r->mono + r->held + start, n * sizeof(float));
    size_t end = counts[1] < n ? counts[1] : n;
    // A frame that is padding as a whole says nothing of what is held.
    r->emitted = end > 0 && end == n ? 0 : r->held + n - end;
    r->held = r->held + n - r->emitted;
}

static castor_ffmpeg_status emit(castor_audio_reader *r, castor_audio_block *block) {
    int channels = r->frame->ch_layout.nb_channels;
    size_t n = r->frame->nb_samples < 0 ? 0 : (size_t)r->frame->nb_samples;
    if (channels < 1 || channels > MAX_CHANNELS) {
        return CASTOR_FFMPEG_UNSUPPORTED;
    }
    castor_ffmpeg_status status = make_room(r, n);
    if (status != CASTOR_FFMPEG_OK) {
        return status;
    }
    float *mono = r->mono + r->held;
    memset(mono, 0, n * sizeof(float));
    for (int channel = 0; channel < channels; channel++) {
        if (!add_channel(mono, r->frame, channel, channels)) {
            return CASTOR_FFMPEG_UNSUPPORTED;
        }
    }
    for (size_t i = 0; i < n; i++) {
        mono[i] /= (float)channels;
    }
    int rate = r->frame->sample_rate;
    double seconds = rate > 0 ? (double)n / rate : 0;
    r->damage.longest_packet = seconds > r->damage.longest_packet ? seconds : r->damage.longest_packet;
    trim(r, n);
    AVRational unit = r->codec->pkt_timebase;
    bool timed = r->frame->pts != AV_NOPTS_VALUE && unit.num > 0 && unit.den > 0;
    *block = (castor_audio_block){
        .samples = r->mono,
        .count = r->emitted,
        .sample_rate = rate,
        .channels = channels,
        .time = timed ? (double)r->frame->pts * unit.num / unit.den : NAN,
    };
    return CASTOR_FFMPEG_OK;
}

/// Whether a packet is a tag or header that stands between sounds, as where files were joined: no sound is lost with it.
static bool is_tag(const AVPacket *packet) {
    static const char *const names[] = {"ID3", "TAG", "APETAGEX", "LYRICSBEGIN", "Speex   ", "OpusHead", "OpusTags"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size = strlen(names[i]);
        if ((size_t)packet->size >= size && memcmp(packet->data, names[i], size) == 0) {
            return true;
        }
    }
    return false;
}

void castor_audio_pass_over(castor_audio_reader *r, double time) {
    AVRational unit = r->container.format->streams[r->stream]->time_base;
    double begin = unit.num > 0 ? time * unit.den / unit.num : 0;
    // What the decoder has of the packets before would be joined to those behind.
    ff.avcodec_flush_buffers(r->codec);
    r->begin = begin > -0x1p62 && begin < 0x1p62 ? (int64_t)begin : INT64_MIN;
}

static bool is_passed_over(const castor_audio_reader *r, const AVPacket *packet) {
    return packet->pts != AV_NOPTS_VALUE && packet->pts < r->begin
        && (packet->duration <= 0 || packet->duration < r->begin - packet->pts);
}

/// Gives the decoder one more packet, or tells it that there are none.
static castor_ffmpeg_status feed(castor_audio_reader *r) {
    for (;;) {
        if (r->packets_left-- == 0) {
            return CASTOR_FFMPEG_DAMAGED;
        }
        if (castor_container_is_over(&r->container)) {
            return CASTOR_FFMPEG_TOO_SLOW;
        }
        int error = ff.av_read_frame(r->container.format, r->packet);
        if (error == AVERROR(EAGAIN)) {
            continue;
        }
        if (error == AVERROR(ENOMEM)) {
            return CASTOR_FFMPEG_NO_MEMORY;
        }
        if (error < 0) {
            r->damage.broken = error != AVERROR_EOF;
            r->damage.left_out = r->container.format->nb_streams > r->stream_count;
            r->draining = true;
            ff.avcodec_send_packet(r->codec, NULL);
            return CASTOR_FFMPEG_OK;
        }
        if (r->packet->stream_index != r->stream || is_passed_over(r, r->packet)) {
            ff.av_packet_unref(r->packet);
            continue;
        }
        bool corrupt = r->knows_corrupt && (r->packet->flags & AV_PKT_FLAG_CORRUPT) != 0 && !is_tag(r->packet);
        error = ff.avcodec_send_packet(r->codec, r->packet);
        bool counts = error < 0 && !is_tag(r->packet);
        r->damage.corrupt += corrupt && error >= 0;
        ff.av_packet_unref(r->packet);
        r->damage.undecodable += counts;
        return error == AVERROR(ENOMEM) ? CASTOR_FFMPEG_NO_MEMORY : CASTOR_FFMPEG_OK;
    }
}

castor_ffmpeg_status castor_audio_read(castor_audio_reader *r, castor_audio_block *block) {
    for (;;) {
        int error = ff.avcodec_receive_frame(r->codec, r->frame);
        if (error == 0) {
            castor_ffmpeg_status status = emit(r, block);
            ff.av_frame_unref(r->frame);
            r->damage.decoded++;
            if (status != CASTOR_FFMPEG_OK || block->count > 0) {
                return status;
            }
            continue;
        }
        if (error == AVERROR(ENOMEM)) {
            return CASTOR_FFMPEG_NO_MEMORY;
        }
        if (error == AVERROR_EOF || r->draining) {
            return CASTOR_FFMPEG_END;
        }
        r->damage.undecodable += error != AVERROR(EAGAIN);
        castor_ffmpeg_status status = feed(r);
        if (status != CASTOR_FFMPEG_OK) {
            return status;
        }
    }
}

castor_audio_damage castor_audio_damage_so_far(const castor_audio_reader *r) { return r->damage; }

void castor_audio_close(castor_audio_reader *r) {
    if (!r) {
        return;
    }
    ff.av_frame_free(&r->frame);
    ff.av_packet_free(&r->packet);
    ff.avcodec_free_context(&r->codec);
    castor_container_close(&r->container);
    free(r->mono);
    free(r);
}

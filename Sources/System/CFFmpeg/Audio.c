#include "CFFmpeg.h"
#include "Library.h"
#include "Memory.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CHANNELS = 64 };

struct castor_audio_reader {
    castor_container container;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    int stream;
    bool draining;
    // Sample tables can name the same bytes, or none, millions of times.
    size_t packets_left;

    float *mono;
    size_t mono_capacity;
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
    error = ff.avcodec_open2(r->codec, decoder, NULL);
    return error < 0 ? castor_status_of(error, CASTOR_FFMPEG_DAMAGED) : CASTOR_FFMPEG_OK;
}

castor_ffmpeg_status castor_audio_open(
    const void *bytes, size_t count, const char *demuxer, castor_audio_reader **reader, castor_audio_info *info) {
    if (!castor_load_decoding()) {
        return CASTOR_FFMPEG_MISSING;
    }
    castor_audio_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    r->packets_left = count + 1024;
    castor_ffmpeg_status status = castor_container_open(&r->container, bytes, count, demuxer);
    if (status == CASTOR_FFMPEG_OK) {
        status = open_decoder(r);
    }
    if (status != CASTOR_FFMPEG_OK) {
        castor_audio_close(r);
        return status;
    }
    // The file's own length is that of its longest stream, of any kind.
    const AVStream *stream = r->container.format->streams[r->stream];
    bool guessed = r->container.format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE;
    bool known = stream->duration != AV_NOPTS_VALUE && stream->duration >= 0 && !guessed;
    info->seconds = known ? (double)stream->duration * stream->time_base.num / stream->time_base.den : -1;
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

static castor_ffmpeg_status emit(castor_audio_reader *r, castor_audio_block *block) {
    int channels = r->frame->ch_layout.nb_channels;
    size_t n = (size_t)r->frame->nb_samples;
    *block = (castor_audio_block){.count = n, .sample_rate = r->frame->sample_rate, .channels = channels};
    if (channels < 1 || channels > MAX_CHANNELS) {
        return CASTOR_FFMPEG_UNSUPPORTED;
    }
    if (n > r->mono_capacity) {
        free(r->mono);
        r->mono = malloc(n * sizeof(float));
        r->mono_capacity = r->mono ? n : 0;
        if (!r->mono) {
            return CASTOR_FFMPEG_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < n; i++) {
        r->mono[i] = 0;
    }
    for (int channel = 0; channel < channels; channel++) {
        if (!add_channel(r->mono, r->frame, channel, channels)) {
            return CASTOR_FFMPEG_UNSUPPORTED;
        }
    }
    for (size_t i = 0; i < n; i++) {
        r->mono[i] /= (float)channels;
    }
    block->samples = r->mono;
    return CASTOR_FFMPEG_OK;
}

/// Gives the decoder one more packet, or tells it that there are none.
static castor_ffmpeg_status feed(castor_audio_reader *r) {
    for (;;) {
        if (r->packets_left-- == 0) {
            return CASTOR_FFMPEG_DAMAGED;
        }
        int error = ff.av_read_frame(r->container.format, r->packet);
        if (error == AVERROR_EOF) {
            r->draining = true;
            error = ff.avcodec_send_packet(r->codec, NULL);
            return error < 0 ? castor_status_of(error, CASTOR_FFMPEG_DAMAGED) : CASTOR_FFMPEG_OK;
        }
        if (error < 0) {
            return castor_status_of(error, CASTOR_FFMPEG_DAMAGED);
        }
        if (r->packet->stream_index != r->stream) {
            ff.av_packet_unref(r->packet);
            continue;
        }
        error = ff.avcodec_send_packet(r->codec, r->packet);
        ff.av_packet_unref(r->packet);
        return error < 0 ? castor_status_of(error, CASTOR_FFMPEG_DAMAGED) : CASTOR_FFMPEG_OK;
    }
}

castor_ffmpeg_status castor_audio_read(castor_audio_reader *r, castor_audio_block *block) {
    for (;;) {
        int error = ff.avcodec_receive_frame(r->codec, r->frame);
        if (error == 0) {
            castor_ffmpeg_status status = emit(r, block);
            ff.av_frame_unref(r->frame);
            return status;
        }
        if (error == AVERROR_EOF || (error == AVERROR(EAGAIN) && r->draining)) {
            return CASTOR_FFMPEG_END;
        }
        if (error != AVERROR(EAGAIN)) {
            return castor_status_of(error, CASTOR_FFMPEG_DAMAGED);
        }
        castor_ffmpeg_status status = feed(r);
        if (status != CASTOR_FFMPEG_OK) {
            return status;
        }
    }
}

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

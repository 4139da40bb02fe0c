#include "VideoReader.h"
#include "Library.h"

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
    int64_t pixels; // of the decoded frames, which the container's claim does not bound
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
        d->pixels += (int64_t)d->frame->width * d->frame->height;
        if (d->pixels > d->reader->limits.decoded_pixels) {
            return CASTOR_FFMPEG_TOO_LONG;
        }
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
    if (decoder->id != AV_CODEC_ID_HEVC && decoder->id != AV_CODEC_ID_VP9) {
        // Threads that decode a frame each conceal and tell of its damage by what they know when another one is done: not the same each time.
        d->codec->thread_type = FF_THREAD_SLICE;
    }
    d->codec->lowres = d->request->lowres;
    d->codec->max_pixels = d->reader->limits.frame_pixels;
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
        status = castor_video_next_packet(r, packet);
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
    castor_video_mark(r, request->indices, request->count);
    // From the beginning, without seeking: reading packets is cheap, and seeking is inexact in some containers.
    castor_container_close(&r->container);
    castor_ffmpeg_status status = castor_video_open_container(r, AVDISCARD_ALL);
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

#include "CFFmpeg.h"
#include "Library.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/// FFmpeg's palette entries are native-endian 0xAARRGGBB.
static void copy_palette_row(const AVFrame *frame, int y, uint8_t *rgba) {
    const uint8_t *indices = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
    const uint32_t *palette = (const uint32_t *)frame->data[1];
    for (int x = 0; x < frame->width; x++) {
        uint32_t color = palette[indices[x]];
        rgba[4 * x + 0] = (uint8_t)(color >> 16);
        rgba[4 * x + 1] = (uint8_t)(color >> 8);
        rgba[4 * x + 2] = (uint8_t)color;
        rgba[4 * x + 3] = 255;
    }
}

/// Any packed RGB or gray layout of at most 8 bits a channel, by its descriptor.
static void copy_row(const AVFrame *frame, const AVPixFmtDescriptor *layout, int y, uint16_t *line, uint8_t *rgba) {
    bool alpha = (layout->flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
    for (int c = 0; c < 4; c++) {
        if (c == 3 && !alpha) {
            for (int x = 0; x < frame->width; x++) {
                rgba[4 * x + 3] = 255;
            }
            return;
        }
        int component = layout->nb_components < 3 ? 0 : c;
        AVComponentDescriptor part = layout->comp[component];
        if (part.depth == 8 && part.shift == 0 && !(layout->flags & AV_PIX_FMT_FLAG_BITSTREAM)) {
            const uint8_t *bytes = frame->data[part.plane] + (ptrdiff_t)y * frame->linesize[part.plane] + part.offset;
            for (int x = 0; x < frame->width; x++) {
                rgba[4 * x + c] = bytes[(ptrdiff_t)x * part.step];
            }
            continue;
        }
        unsigned top = (1u << part.depth) - 1;
        ff.av_read_image_line2(
            line, (const uint8_t **)frame->data, frame->linesize, layout, 0, y, component, frame->width, 0,
            sizeof *line);
        for (int x = 0; x < frame->width; x++) {
            rgba[4 * x + c] = (uint8_t)(line[x] * 255u / top);
        }
    }
}

static castor_ffmpeg_status copy_frame(const AVFrame *frame, int width, int height, uint8_t *rgba) {
    const AVPixFmtDescriptor *layout = ff.av_pix_fmt_desc_get(frame->format);
    if (frame->width != width || frame->height != height || !layout) {
        return CASTOR_FFMPEG_DAMAGED;
    }
    bool palette = (layout->flags & AV_PIX_FMT_FLAG_PAL) != 0;
    bool rgb = (layout->flags & AV_PIX_FMT_FLAG_RGB) != 0 && layout->nb_components >= 3;
    if (!palette && ((!rgb && layout->nb_components != 1) || layout->comp[0].depth > 8)) {
        return CASTOR_FFMPEG_UNSUPPORTED;
    }
    uint16_t *line = malloc((size_t)width * sizeof *line);
    if (!line) {
        return CASTOR_FFMPEG_NO_MEMORY;
    }
    for (int y = 0; y < height; y++) {
        uint8_t *row = rgba + (size_t)y * (size_t)width * 4;
        if (palette) {
            copy_palette_row(frame, y, row);
        } else {
            copy_row(frame, layout, y, line, row);
        }
    }
    free(line);
    return CASTOR_FFMPEG_OK;
}

static void put_little_endian(uint8_t *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

castor_ffmpeg_status castor_bmp_decode(const void *bytes, size_t count, castor_bmp_size size, uint8_t *rgba) {
    castor_ffmpeg_status loaded = castor_load_decoding();
    if (loaded != CASTOR_FFMPEG_OK) {
        return loaded;
    }
    if (size.end > INT_MAX - AV_INPUT_BUFFER_PADDING_SIZE || size.end < 14 || size.data_offset > size.end) {
        return CASTOR_FFMPEG_UNSUPPORTED;
    }
    castor_ffmpeg_status status = CASTOR_FFMPEG_NO_MEMORY;
    const AVCodec *decoder = ff.avcodec_find_decoder(AV_CODEC_ID_BMP);
    AVCodecContext *codec = decoder ? ff.avcodec_alloc_context3(decoder) : NULL;
    AVPacket *packet = ff.av_packet_alloc();
    AVFrame *frame = ff.av_frame_alloc();
    if (codec && packet && frame && ff.av_new_packet(packet, (int)size.end) == 0) {
        size_t present = count < size.end ? count : size.end;
        memcpy(packet->data, bytes, present);
        memset(packet->data + present, 0, size.end - present);
        put_little_endian(packet->data + 2, size.end);
        put_little_endian(packet->data + 10, size.data_offset);
        if (size.end > size.planes_offset + 1) {
            packet->data[size.planes_offset] = 1;
            packet->data[size.planes_offset + 1] = 0;
        }
        codec->thread_count = 1;
        // Of rows that are longer for the sake of alignment.
        codec->max_pixels = ((int64_t)size.width + 64) * size.height;
        bool decoded = ff.avcodec_open2(codec, decoder, NULL) == 0 && ff.avcodec_send_packet(codec, packet) == 0
                       && ff.avcodec_receive_frame(codec, frame) == 0;
        status = decoded ? copy_frame(frame, size.width, size.height, rgba) : CASTOR_FFMPEG_DAMAGED;
    }
    ff.av_frame_free(&frame);
    ff.av_packet_free(&packet);
    ff.avcodec_free_context(&codec);
    return status;
}

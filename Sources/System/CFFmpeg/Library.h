// The functions of the FFmpeg libraries that this target uses, resolved at run time. Headers give types and versions only.
#pragma once

#include "CFFmpeg.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/dict.h>
#include <libavutil/display.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

#define AVUTIL_FUNCTIONS(F) \
    F(av_log_set_level) F(av_max_alloc) F(av_version_info) F(av_malloc) F(av_free) F(av_freep) F(av_frame_alloc) F(av_frame_free) F(av_frame_unref) \
    F(av_channel_layout_default) F(av_pix_fmt_desc_get) F(av_read_image_line2) F(av_frame_move_ref) \
    F(av_display_rotation_get) F(av_dict_set) F(av_dict_free) F(av_frame_get_side_data)

#define SWRESAMPLE_FUNCTIONS(F) \
    F(swr_alloc_set_opts2) F(swr_init) F(swr_convert) F(swr_get_out_samples) F(swr_free)

#define AVCODEC_FUNCTIONS(F) \
    F(avcodec_find_decoder) F(avcodec_find_decoder_by_name) F(avcodec_alloc_context3) F(avcodec_free_context) F(avcodec_parameters_to_context) \
    F(avcodec_open2) F(avcodec_send_packet) F(avcodec_receive_frame) F(av_packet_alloc) F(av_packet_free) \
    F(av_packet_unref) F(av_new_packet) F(avcodec_flush_buffers) F(avcodec_descriptor_get) F(av_codec_iterate) F(av_codec_is_decoder)

#define AVFORMAT_FUNCTIONS(F) \
    F(av_find_input_format) F(avformat_alloc_context) F(avformat_open_input) F(avformat_close_input) \
    F(avformat_find_stream_info) F(avformat_flush) F(av_find_best_stream) F(av_read_frame) F(avio_alloc_context) F(avio_context_free) F(avio_seek) F(av_stream_get_side_data)

#define SWSCALE_FUNCTIONS(F) \
    F(sws_getContext) F(sws_scale) F(sws_freeContext) F(sws_getCoefficients) F(sws_setColorspaceDetails)

#define FIELD(name) __typeof__(&name) name;

/// Call as `ff.av_malloc(...)`, after one of the functions below gave OK.
typedef struct {
    AVUTIL_FUNCTIONS(FIELD)
    SWRESAMPLE_FUNCTIONS(FIELD)
    AVCODEC_FUNCTIONS(FIELD)
    AVFORMAT_FUNCTIONS(FIELD)
    SWSCALE_FUNCTIONS(FIELD)
} ffmpeg_functions;

extern ffmpeg_functions ff __attribute__((visibility("hidden")));

/// libavutil and libswresample: a few milliseconds. These three give OK, MISSING or, where there is no memory to map a library in, NO_MEMORY.
castor_ffmpeg_status castor_load_resampling(void) __attribute__((visibility("hidden")));

/// Those that decode: 134 shared objects, some 40 ms.
castor_ffmpeg_status castor_load_decoding(void) __attribute__((visibility("hidden")));

/// libswscale, and those that decode.
castor_ffmpeg_status castor_load_scaling(void) __attribute__((visibility("hidden")));

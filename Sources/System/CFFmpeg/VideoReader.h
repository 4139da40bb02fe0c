// What Video.c, which lists packets, and VideoDecoding.c share.
#pragma once

#include "CFFmpeg.h"
#include "Memory.h"

struct castor_video_reader {
    castor_container container;
    char demuxer[32]; // a copy: the caller's text may be gone when the file is read again
    const uint8_t *bytes;
    size_t count;
    const int32_t *cancelled;
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

/// The packets of the other streams are passed over already in the container, unless they are wanted for their times.
castor_ffmpeg_status castor_video_open_container(castor_video_reader *r, enum AVDiscard others)
    __attribute__((visibility("hidden")));
/// The next packet of the stream; END after the last one.
castor_ffmpeg_status castor_video_next_packet(castor_video_reader *r, AVPacket *packet)
    __attribute__((visibility("hidden")));
/// Marks the wanted packets and those that they may depend on, and gives their number.
size_t castor_video_mark(castor_video_reader *r, const size_t *indices, size_t count)
    __attribute__((visibility("hidden")));

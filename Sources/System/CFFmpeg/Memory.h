// A file in memory as a container that FFmpeg reads.
#pragma once

#include "CFFmpeg.h"
#include "Library.h"

typedef struct {
    const uint8_t *bytes;
    size_t count;
    size_t position;
    const int32_t *cancelled; // not zero: nobody waits for the result; null: somebody does
    AVIOContext *io;
    AVFormatContext *format;
} castor_container;

/// Opens `bytes`, which must outlive the container, with FFmpeg's demuxer of this name, and looks for streams. Where only sound is
/// wanted, no picture is decoded, not even a sound file's cover. Call `castor_container_close` in any case.
castor_ffmpeg_status castor_container_open(
    castor_container *c, const void *bytes, size_t count, const char *demuxer, bool sound_only,
    const int32_t *cancelled)
    __attribute__((visibility("hidden")));

/// Whether to stop: nothing more is read then.
bool castor_container_cancelled(const castor_container *c) __attribute__((visibility("hidden")));

void castor_container_close(castor_container *c) __attribute__((visibility("hidden")));

/// NO_MEMORY for that error, else `otherwise`.
castor_ffmpeg_status castor_status_of(int error, castor_ffmpeg_status otherwise) __attribute__((visibility("hidden")));

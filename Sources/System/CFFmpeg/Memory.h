// A file in memory as a container that FFmpeg reads.
#pragma once

#include "Library.h"

typedef struct {
    const uint8_t *bytes;
    size_t count;
    size_t position;
    const int32_t *cancelled; // not zero: nobody waits for the result; null: somebody does
    AVIOContext *io;
    AVFormatContext *format;
    double end; // of the processor time that it may take, by this thread's clock
} castor_container;

/// This thread's processor time, in seconds.
double castor_thread_seconds(void) __attribute__((visibility("hidden")));

/// Opens `bytes`, which must outlive the container, with FFmpeg's demuxer of this name, and looks for streams. No decoder that is opened on
/// the way takes pictures of more than `max_pixels`; 0: only sound is wanted, and no picture is decoded, not even a sound file's cover. `end` is
/// when, by the thread's clock, reading stops; so it does once another thread sets `cancelled`, which may be null. Call `castor_container_close` in any case.
castor_ffmpeg_status castor_container_open(
    castor_container *c, const void *bytes, size_t count, const char *demuxer, int64_t max_pixels, double end,
    const int32_t *cancelled)
    __attribute__((visibility("hidden")));

void castor_container_close(castor_container *c) __attribute__((visibility("hidden")));

/// Whether its time is over, or nobody waits for it: nothing more is read then. What comes of it is TOO_SLOW in either case.
bool castor_container_is_over(const castor_container *c) __attribute__((visibility("hidden")));

/// NO_MEMORY and TOO_SLOW for these errors, else `otherwise`.
castor_ffmpeg_status castor_status_of(int error, castor_ffmpeg_status otherwise) __attribute__((visibility("hidden")));

// The FFmpeg libraries, loaded on first use: linking them makes every start of a program 40 ms slower, and most
// inputs need none of them. Nothing here opens a file or a connection; all input is memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    CASTOR_FFMPEG_OK = 0,
    CASTOR_FFMPEG_END,          // no more samples
    CASTOR_FFMPEG_MISSING,      // the libraries are not installed: castor_ffmpeg_missing says which
    CASTOR_FFMPEG_NO_STREAM,    // a readable file without such a stream
    CASTOR_FFMPEG_DAMAGED,
    CASTOR_FFMPEG_UNSUPPORTED,  // no decoder, or a layout that this code does not handle
    CASTOR_FFMPEG_NO_MEMORY,
    CASTOR_FFMPEG_TOO_LONG,     // more packets or pixels than allowed
    CASTOR_FFMPEG_TOO_SLOW,     // more processor time than allowed, or cancelled
} castor_ffmpeg_status;

/// The library that this thread could not load, and why. Valid until it tries again.
const char *castor_ffmpeg_missing(void);

/// Debian's packages of the libraries whose headers this was compiled with.
const char *castor_ffmpeg_packages(void);

/// Loads all of them that there are.
void castor_ffmpeg_load(void);

/// Loads the libraries to ask for their version; what is missing, if they cannot be loaded.
const char *castor_ffmpeg_version(void);

// Sound

typedef struct castor_audio_reader castor_audio_reader;

typedef struct {
    double seconds;  // from the container's own words, never an estimate; below 0: not known
    int sample_rate; // Hz, as the container says; a decoder may correct it
    int channels;
    bool lossless;
} castor_audio_info;

/// What happened on the way so far. A packet is what the container holds for the decoder: a frame, in most formats.
typedef struct {
    size_t decoded;        // packets
    size_t undecodable;    // packets that gave no samples because they are damaged
    size_t corrupt;        // packets that were decoded although the container knows that they lack something
    double longest_packet; // in seconds, of what was decoded
    bool broken;           // the container ends in what cannot be read
    bool left_out;         // a stream that began later was not read
} castor_audio_damage;

typedef struct {
    const float *samples; // mono, the mean of all channels; valid until the next call on the reader
    size_t count;
    int sample_rate;      // Hz
    int channels;         // before averaging
    double time;          // of the first sample, in seconds of the container's clock; NaN: not known
} castor_audio_block;

/// Opens the best sound stream of a file in memory, which must outlive the reader. `demuxer` is FFmpeg's name of the only
/// container format to try. `seconds` of this thread's processor time are what all calls on the reader may take; they are made on one thread.
/// Once another thread sets `cancelled`, which may be null, they take no more, and are TOO_SLOW.
castor_ffmpeg_status castor_audio_open(
    const void *bytes, size_t count, const char *demuxer, double seconds, const int32_t *cancelled,
    castor_audio_reader **reader, castor_audio_info *info);

/// The next decoded samples, in order. What cannot be decoded is passed over and counted.
castor_ffmpeg_status castor_audio_read(castor_audio_reader *reader, castor_audio_block *block);

/// What ends before `time`, in seconds of the container's clock, is not decoded from now on.
void castor_audio_pass_over(castor_audio_reader *reader, double time);

castor_audio_damage castor_audio_damage_so_far(const castor_audio_reader *reader);

void castor_audio_close(castor_audio_reader *reader);

typedef struct castor_resampler castor_resampler;

/// A mono f32 sample rate converter with libswresample's default filter.
castor_ffmpeg_status castor_resampler_create(int input_rate, int output_rate, castor_resampler **resampler);

/// The most samples that the next call with `count` samples can give.
size_t castor_resampler_bound(castor_resampler *resampler, size_t count);

/// Converts `count` samples, or, with `input` null, flushes the filter. Returns the number written, below 0 on failure.
ptrdiff_t castor_resampler_convert(
    castor_resampler *resampler, const float *input, size_t count, float *output, size_t capacity);

void castor_resampler_destroy(castor_resampler *resampler);

// Video

typedef struct castor_video_reader castor_video_reader;

typedef struct {
    double seconds;        // from the container; below 0: not known
    double file_seconds;   // of all streams, as a Matroska or MP4 file claims; below 0: not known
    int width, height;     // as stored
    int aspect_num, aspect_den; // width of a pixel over its height; 1/1 where it is not known
    int quarter_turns;     // clockwise, to stand upright
    bool has_audio;
    int max_lowres;        // the decoder reads at 1, 1/2, ... 1/2^max_lowres of the size
} castor_video_info;

typedef struct {
    int64_t time;     // when it is shown, in the stream's unit
    int64_t duration; // 0: not known
    bool key;         // decoding can begin here
    bool shown;
} castor_video_packet;

typedef struct {
    int64_t frame_pixels;   // of one frame: no decoder takes larger ones
    int64_t decoded_pixels; // of all frames that are decoded
    double seconds;         // of this thread's processor time, for all calls on a reader, which are made on one thread
    const int32_t *cancelled; // as for sound
} castor_video_limits;

/// Opens the best video stream of a file in memory, which must outlive the reader. Nothing is decoded but a few frames of streams whose
/// container does not say what is in them.
castor_ffmpeg_status castor_video_open(
    const void *bytes, size_t count, const char *demuxer, castor_video_limits limits, castor_video_reader **reader,
    castor_video_info *info);

/// All packets of the stream, in the order of decoding; valid until the reader is closed. Nothing is decoded. `end`, in seconds, is
/// the last of all streams; `broken`: behind these packets is what cannot be read; `damaged`: how many are known to lack something.
castor_ffmpeg_status castor_video_scan(
    castor_video_reader *reader, size_t most, const castor_video_packet **packets, size_t *count, int *unit_num,
    int *unit_den, double *end, bool *broken, size_t *damaged);

typedef struct {
    const size_t *indices;  // of the packets whose frames are wanted, their times ascending, none twice
    size_t count;
    int lowres;
    int threads;
    int width, height;      // of the result, as stored; not larger than the frames
} castor_video_request;

/// Of the frames that were decoded for those that are wanted.
typedef struct {
    size_t undecodable; // the one before each stands in its place
    size_t concealed;   // parts of them were made up by the decoder
} castor_video_damage;

/// Decodes the frames of some packets of the last scan to `count * height * width * 3` bytes of RGB, one after the other. Only what
/// they depend on is decoded with them. Where most cannot be decoded, the video is damaged.
castor_ffmpeg_status castor_video_decode(
    castor_video_reader *reader, const castor_video_request *request, uint8_t *rgb, castor_video_damage *damage);

/// How many packets `castor_video_decode` would give to the decoder.
size_t castor_video_cost(castor_video_reader *reader, const size_t *indices, size_t count);

void castor_video_close(castor_video_reader *reader);

// Still images

/// What is known of a BMP file before it is decoded, whatever its header says.
typedef struct {
    int width, height;     // pixels
    uint32_t data_offset;  // of the first row
    uint32_t planes_offset; // of the number of planes, which is 1
    uint32_t end;          // of the file; what is missing up to there is zero
} castor_bmp_size;

/// Decodes a BMP file to `width * height` RGBA pixels.
castor_ffmpeg_status castor_bmp_decode(const void *bytes, size_t count, castor_bmp_size size, uint8_t *rgba);

// JPEG over libjpeg-turbo's own interface. Its simpler one, TurboJPEG, tells only the first of a file's warnings, and whether pixels
// are missing may be in a later one; and errors come by longjmp, which must not cross Swift frames.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t width;   // pixels
    uint32_t height;  // pixels
    int channels;     // of castor_jpeg_decode: 3 (RGB) or 4 (inks as stored)
} castor_jpeg_info;

enum { CASTOR_JPEG_MESSAGE_SIZE = 200 };  // JMSG_LENGTH_MAX

/// The message where memory lacks, and nothing is said against the file.
#define CASTOR_JPEG_NO_MEMORY "out of memory"

/// What may be wrong with a file whose pixels are all there.
typedef enum {
    CASTOR_JPEG_NO_END = 1,           // no end marker
    CASTOR_JPEG_BAD_SCAN_HEADER = 2,  // a spectral selection that makes no sense in a sequential file, and changes nothing
    CASTOR_JPEG_STRAY_BYTES = 4,      // bytes between segments
    CASTOR_JPEG_BROKEN_END = 8,       // segments behind the picture make no sense
} castor_jpeg_oddity;

/// Reads the segments before the picture. False: damaged, `message` says why.
bool castor_jpeg_read_info(const void *bytes, size_t count, castor_jpeg_info *info, char *message);

/// Decodes at 1/`reduction` (1, 2, 4 or 8) of the size, rounded up: interleaved, `capacity` bytes at least. False: damaged or pixels
/// are missing, `message` says why.
///
/// - oddities: what is wrong nevertheless
bool castor_jpeg_decode(
    const void *bytes, size_t count, int reduction, uint8_t *pixels, size_t capacity, unsigned *oddities, char *message);

/// A baseline file without chroma subsampling of `width * height * 3` bytes of RGB, to be freed; NULL when there is no memory for it.
///
/// - quality: 1...100
uint8_t *castor_jpeg_encode(const uint8_t *rgb, uint32_t width, uint32_t height, int quality, size_t *count);

/// Version of the interface that this was built with.
const char *castor_jpeg_version(void);

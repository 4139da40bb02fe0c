// PNG over libpng's row interface. libpng reports errors by longjmp, which must not cross Swift frames, and its
// setjmp-free simplified interface gamma-corrects by the gAMA chunk, which no other decoder's pixels show.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t width;   // pixels
    uint32_t height;  // pixels
    int channels;     // of castor_png_decode: 3 (RGB) or 4 (RGB and straight alpha)
} castor_png_info;

enum { CASTOR_PNG_MESSAGE_SIZE = 128 };

/// The message where memory lacks, and nothing is said against the file.
#define CASTOR_PNG_NO_MEMORY "out of memory"

/// Reads the chunks before the first IDAT. False: damaged, `message` says why.
bool castor_png_read_info(const void *bytes, size_t count, castor_png_info *info, char *message);

/// Decodes to 8 bits a channel, interleaved, `width * height * channels` bytes as `castor_png_read_info` gave them.
/// 16-bit samples keep their high byte. False: damaged, or the header disagrees with `capacity`; `message` says why.
///
/// - is_odd: whether the file is damaged behind its rows, which are all there; `message` says how
bool castor_png_decode(
    const void *bytes, size_t count, uint8_t *pixels, size_t capacity, bool *is_odd, char *message);

/// Version of the library in use.
const char *castor_png_version(void);

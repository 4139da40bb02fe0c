#include "CPNG.h"
#include "Repair.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const uint8_t *bytes;
    size_t count;
    size_t position;
    char *message;
    bool is_odd;
    bool lacks_memory;
} source;

typedef struct {
    source source;
    png_structp png;
    png_infop info;
} reader;

static void read_bytes(png_structp png, png_bytep out, size_t count) {
    source *s = png_get_io_ptr(png);
    if (count > s->count - s->position) {
        png_error(png, "the file ends too early");
    }
    memcpy(out, s->bytes + s->position, count);
    s->position += count;
}

static void on_error(png_structp png, png_const_charp text) {
    source *s = png_get_error_ptr(png);
    strncpy(s->message, s->lacks_memory ? CASTOR_PNG_NO_MEMORY : text, CASTOR_PNG_MESSAGE_SIZE - 1);
    s->message[CASTOR_PNG_MESSAGE_SIZE - 1] = 0;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    // Others are about what is not looked at here.
    source *s = png_get_error_ptr(png);
    if (strncmp(text, "tRNS", 4) == 0 && strstr(text, "CRC error")) {
        // libpng goes on without: what is transparent would be seen.
        png_error(png, text);
    }
    if (!s->is_odd && strstr(text, "CRC error")) {
        s->is_odd = true;
        strncpy(s->message, text, CASTOR_PNG_MESSAGE_SIZE - 1);
    }
}

/// libpng has many words for a refusal.
static png_voidp allocate(png_structp png, png_alloc_size_t size) {
    void *memory = malloc(size);
    source *s = png_get_mem_ptr(png);
    s->lacks_memory = s->lacks_memory || !memory;
    return memory;
}

static void release(png_structp png, png_voidp memory) {
    (void)png;
    free(memory);
}

static bool open_reader(reader *r, const void *bytes, size_t count, char *message) {
    memset(r, 0, sizeof *r);
    r->source = (source){.bytes = bytes, .count = count, .message = message};
    strcpy(message, CASTOR_PNG_NO_MEMORY);
    r->png = png_create_read_struct_2(
        PNG_LIBPNG_VER_STRING, &r->source, on_error, on_warning, &r->source, allocate, release);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    return r->info != NULL;
}

static void close_reader(reader *r) {
    png_destroy_read_struct(&r->png, &r->info, NULL);
}

/// Reads up to the first IDAT and asks for 8-bit RGB or RGBA. Jumps on error.
static castor_png_info read_header(reader *r) {
    // Limits are the caller's; libpng's own of 1,000,000 a side would only hide the caller's message.
    png_set_user_limits(r->png, 0x7fffffff, 0x7fffffff);
    png_set_chunk_cache_max(r->png, 128);
    png_set_chunk_malloc_max(r->png, 4 << 20);
    png_set_read_fn(r->png, &r->source, read_bytes);
    // Text and colour profiles are not used here, and are where decompression bombs live.
    static const png_byte ignored[] = "zTXt\0iTXt\0tEXt\0iCCP\0sPLT\0eXIf\0gAMA\0cHRM\0sRGB";
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, ignored, sizeof ignored / 5);
    png_read_info(r->png, r->info);

    castor_png_info info = {
        .width = png_get_image_width(r->png, r->info),
        .height = png_get_image_height(r->png, r->info),
    };
    png_set_expand(r->png);
    png_set_strip_16(r->png);
    png_set_gray_to_rgb(r->png);
    bool alpha = (png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_ALPHA) != 0
                 || png_get_valid(r->png, r->info, PNG_INFO_tRNS);
    info.channels = alpha ? 4 : 3;
    return info;
}

bool castor_png_read_info(const void *bytes, size_t count, castor_png_info *info, char *message) {
    reader r;
    if (!open_reader(&r, bytes, count, message) || setjmp(png_jmpbuf(r.png))) {
        close_reader(&r);
        return false;
    }
    *info = read_header(&r);
    close_reader(&r);
    return true;
}

/// False where something cannot be read. The reader is the caller's: what changes of a function's own is lost by a longjmp.
static bool decode(reader *r, uint8_t *pixels, size_t capacity) {
    if (setjmp(png_jmpbuf(r->png))) {
        return false;
    }
    castor_png_info info = read_header(r);
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);

    size_t stride = (size_t)info.width * (size_t)info.channels;
    if (png_get_rowbytes(r->png, r->info) != stride || capacity / stride < info.height) {
        png_error(r->png, "unexpected row size");
    }
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < info.height; y++) {
            png_read_row(r->png, pixels + y * stride, NULL);
        }
    }
    png_read_end(r->png, NULL);
    return true;
}

/// After an error: libpng looks for the end of the data when the last row is in its place.
static bool has_all_rows(const reader *r) {
    bool is_interlaced = png_get_interlace_type(r->png, r->info) != PNG_INTERLACE_NONE;
    return is_interlaced ? png_get_current_pass_number(r->png) >= 7
                         : png_get_current_row_number(r->png) >= png_get_image_height(r->png, r->info);
}

bool castor_png_decode(
    const void *bytes, size_t count, uint8_t *pixels, size_t capacity, bool *is_odd, char *message) {
    reader r;
    bool is_whole = open_reader(&r, bytes, count, message) && decode(&r, pixels, capacity);
    *is_odd = r.source.is_odd || !is_whole;
    close_reader(&r);
    if (is_whole) {
        return true;
    }
    uint8_t *repaired = castor_png_repaired(bytes, &count);
    if (!repaired) {
        return false;
    }
    char second[CASTOR_PNG_MESSAGE_SIZE];
    // It has no end: the error at that is the one to expect.
    bool has_rows = open_reader(&r, repaired, count, second) && (decode(&r, pixels, capacity) || has_all_rows(&r));
    close_reader(&r);
    free(repaired);
    return has_rows;
}

const char *castor_png_version(void) { return png_get_libpng_ver(NULL); }

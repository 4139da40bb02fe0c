#include "CJPEG.h"

#include <stdio.h>

#include <jpeglib.h>

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf escape;
} errors;

static void on_error(j_common_ptr jpeg) {
    longjmp(((errors *)jpeg->err)->escape, 1);
}

static void on_message(j_common_ptr jpeg, int level) {
    (void)jpeg;
    (void)level;
}

uint8_t *castor_jpeg_encode(const uint8_t *rgb, uint32_t width, uint32_t height, int quality, size_t *count) {
    struct jpeg_compress_struct jpeg;
    errors e;
    // Not local: what libjpeg wrote to locals before it failed would be lost by the longjmp.
    struct {
        unsigned char *bytes;
        unsigned long count;
    } *output = calloc(1, sizeof *output);
    if (!output) {
        return NULL;
    }
    memset(&jpeg, 0, sizeof jpeg);
    jpeg.err = jpeg_std_error(&e.base);
    e.base.error_exit = on_error;
    e.base.emit_message = on_message;
    uint8_t *result = NULL;
    if (!setjmp(e.escape)) {
        jpeg_create_compress(&jpeg);
        jpeg_mem_dest(&jpeg, &output->bytes, &output->count);
        jpeg.image_width = width;
        jpeg.image_height = height;
        jpeg.input_components = 3;
        jpeg.in_color_space = JCS_RGB;
        jpeg_set_defaults(&jpeg);
        jpeg_set_quality(&jpeg, quality, TRUE);
        jpeg.comp_info[0].h_samp_factor = 1;
        jpeg.comp_info[0].v_samp_factor = 1;
        jpeg_start_compress(&jpeg, TRUE);
        while (jpeg.next_scanline < height) {
            JSAMPROW row = (JSAMPROW)(rgb + (size_t)jpeg.next_scanline * width * 3);
            jpeg_write_scanlines(&jpeg, &row, 1);
        }
        jpeg_finish_compress(&jpeg);
        result = output->bytes;
        *count = output->count;
    } else {
        free(output->bytes);
    }
    jpeg_destroy_compress(&jpeg);
    free(output);
    return result;
}

#include "CJPEG.h"

#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>
#include <setjmp.h>
#include <string.h>

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf escape;
    char *message;  // of the first thing that is wrong with the pixels
    bool damaged;
    bool data_ended;
    unsigned oddities;
} errors;

/// Not local to the functions that call setjmp: what those change of their own is lost by a longjmp.
typedef struct {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_progress_mgr progress;
    errors errors;
    bool rows_done;
    size_t left;  // bytes behind the picture's data, or a few less: the decoder reads some ahead
} decompressor;

static const char too_early[] = "Premature end of JPEG file";

static void on_error(j_common_ptr jpeg) {
    errors *e = (errors *)jpeg->err;
    if (e->base.msg_code == JERR_OUT_OF_MEMORY) {
        strcpy(e->message, CASTOR_JPEG_NO_MEMORY);
    } else if (!e->damaged) {
        e->base.format_message(jpeg, e->message);
    }
    longjmp(e->escape, 1);
}

/// Warnings are damage, but for those that leave every pixel as the encoder meant it.
static void on_message(j_common_ptr jpeg, int level) {
    errors *e = (errors *)jpeg->err;
    if (level >= 0) {
        return;
    }
    switch (e->base.msg_code) {
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_ICC:
        break;
    case JWRN_NOT_SEQUENTIAL:
        e->oddities |= CASTOR_JPEG_BAD_SCAN_HEADER;
        break;
    case JWRN_EXTRANEOUS_DATA:
        e->oddities |= CASTOR_JPEG_STRAY_BYTES;
        break;
    case JWRN_JPEG_EOF:
        // Whether bits of the picture are missing is another warning, JWRN_HIT_MARKER.
        e->data_ended = true;
        e->oddities |= CASTOR_JPEG_NO_END;
        break;
    default:
        if (!e->damaged) {
            e->damaged = true;
            e->base.format_message(jpeg, e->message);
            if (e->base.msg_code == JWRN_HIT_MARKER && e->data_ended) {
                strcpy(e->message, too_early);
            }
        }
    }
}

/// A progressive file of a few kB can hold thousands of scans over a huge picture. Files that programs write have some ten.
static void on_progress(j_common_ptr jpeg) {
    enum { MAX_SCANS = 500 };
    const uint64_t max_pixels_in_scans = 10000000000;
    decompressor *d = jpeg->client_data;
    // Between rows of blocks, and when the last row of a scan is read.
    if (!jpeg_input_complete((j_decompress_ptr)jpeg)) {
        d->left = ((j_decompress_ptr)jpeg)->src->bytes_in_buffer;
    }
    errors *e = (errors *)jpeg->err;
    j_decompress_ptr picture = (j_decompress_ptr)jpeg;
    uint64_t scans = max_pixels_in_scans / ((uint64_t)picture->image_width * picture->image_height);
    int most = scans < MAX_SCANS ? (int)scans : MAX_SCANS;
    if (picture->input_scan_number > most) {
        e->damaged = true;
        snprintf(e->message, CASTOR_JPEG_MESSAGE_SIZE, "it has more than %d scans", most);
        longjmp(e->escape, 1);
    }
}

static void prepare(decompressor *d, char *message) {
    memset(d, 0, sizeof *d);
    d->jpeg.err = jpeg_std_error(&d->errors.base);
    d->errors.base.error_exit = on_error;
    d->errors.base.emit_message = on_message;
    d->errors.message = message;
    d->progress.progress_monitor = on_progress;
    message[0] = 0;
}

static bool has_four_inks(const struct jpeg_decompress_struct *jpeg) {
    return jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
}

static bool read_info(decompressor *d, const void *bytes, size_t count, castor_jpeg_info *info) {
    if (setjmp(d->errors.escape)) {
        return false;
    }
    jpeg_create_decompress(&d->jpeg);
    jpeg_mem_src(&d->jpeg, bytes, count);
    jpeg_read_header(&d->jpeg, TRUE);
    *info = (castor_jpeg_info){
        .width = d->jpeg.image_width,
        .height = d->jpeg.image_height,
        .channels = has_four_inks(&d->jpeg) ? 4 : 3,
    };
    return true;
}

bool castor_jpeg_read_info(const void *bytes, size_t count, castor_jpeg_info *info, char *message) {
    decompressor d;
    prepare(&d, message);
    bool is_read = read_info(&d, bytes, count, info);
    jpeg_destroy_decompress(&d.jpeg);
    return is_read;
}

/// Whether something of every component has been read and, where the file ends without saying so, all of it.
static bool is_whole(const struct jpeg_decompress_struct *jpeg, bool data_ended) {
    if (data_ended && jpeg->arith_code) {
        // Its decoder goes on with zeros, and says nothing.
        return false;
    }
    for (int c = 0; c < jpeg->num_components; c++) {
        if (!jpeg->comp_info[c].quant_table) {
            return false;
        }
        for (int k = 0; data_ended && jpeg->progressive_mode && k < DCTSIZE2; k++) {
            if (jpeg->coef_bits[c][k] != 0) {
                return false;
            }
        }
    }
    return true;
}

typedef struct {
    const uint8_t *bytes;
    size_t count;
    int reduction;
    uint8_t *pixels;
    size_t capacity;
} job;

/// Returns when all rows are read, whatever comes behind them, or something is wrong with them.
static void decode(decompressor *d, const job *j) {
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    errors *e = &d->errors;
    if (setjmp(e->escape)) {
        e->oddities |= CASTOR_JPEG_BROKEN_END;
        return;
    }
    jpeg_create_decompress(jpeg);
    jpeg->progress = &d->progress;
    jpeg->client_data = d;
    jpeg_mem_src(jpeg, j->bytes, j->count);
    jpeg_read_header(jpeg, TRUE);
    jpeg->out_color_space = has_four_inks(jpeg) ? JCS_CMYK : JCS_RGB;
    jpeg->scale_num = 1;
    jpeg->scale_denom = (unsigned)j->reduction;
    jpeg_start_decompress(jpeg);
    size_t stride = (size_t)jpeg->output_width * (size_t)jpeg->output_components;
    if (stride == 0 || j->capacity / stride < jpeg->output_height) {
        strcpy(e->message, "its size is not the one that its header gives");
        return;
    }
    while (!e->damaged && jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = j->pixels + jpeg->output_scanline * stride;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    if (e->damaged) {
        return;
    }
    if (!is_whole(jpeg, e->data_ended)) {
        e->damaged = true;
        strcpy(e->message, too_early);
        return;
    }
    d->rows_done = true;
    if (!jpeg_has_multiple_scans(jpeg)) {
        d->left = jpeg->src->bytes_in_buffer;
    }
    jpeg_finish_decompress(jpeg);
    if (e->damaged) {
        e->oddities |= CASTOR_JPEG_BROKEN_END;
    }
}

/// What became of an attempt.
typedef struct {
    bool rows_done;
    unsigned oddities;
    size_t data_end;  // bytes up to the end of the picture's data, or a few more
    size_t next_try;  // bytes before something that cannot be read, where to leave it out may help; else 0
} outcome;

static outcome attempt(const job *j, char *message) {
    decompressor d;
    prepare(&d, message);
    decode(&d, j);
    outcome o = {.rows_done = d.rows_done, .oddities = d.errors.oddities};
    // Two bytes may be those of the end marker that libjpeg puts behind the data.
    o.data_end = d.left > 2 && d.left < j->count ? j->count - d.left + 2 : j->count;
    // An error leaves the place where the content of its marker begins.
    if (!d.rows_done && !d.errors.damaged && d.jpeg.src && d.jpeg.input_scan_number > 0
        && d.jpeg.src->bytes_in_buffer + 2 < j->count) {
        o.next_try = j->count - d.jpeg.src->bytes_in_buffer - 2;
    }
    jpeg_destroy_decompress(&d.jpeg);
    return o;
}

/// Whether the last bytes that the picture needs are of one value: a file that was cut and filled up, as downloads are.
static bool ends_in_filler(job j, size_t data_end) {
    enum { READ_AHEAD = 18, RUN = 4 };
    size_t count = j.count;
    char message[CASTOR_JPEG_MESSAGE_SIZE];
    size_t least = data_end > READ_AHEAD ? data_end - READ_AHEAD : 0, most = data_end;
    while (least < most) {
        j.count = least + (most - least) / 2;
        if (attempt(&j, message).rows_done) {
            most = j.count;
        } else {
            least = j.count + 1;
        }
    }
    // Shorter attempts have left their pixels.
    j.count = count;
    if (!attempt(&j, message).rows_done || most < RUN) {
        return true;
    }
    const uint8_t *end = j.bytes + most;
    return end[-1] == end[-2] && end[-1] == end[-3] && end[-1] == end[-4];
}

bool castor_jpeg_decode(
    const void *bytes, size_t count, int reduction, uint8_t *pixels, size_t capacity, unsigned *oddities, char *message) {
    job j = {.bytes = bytes, .count = count, .reduction = reduction, .pixels = pixels, .capacity = capacity};
    outcome first = attempt(&j, message), last = first;
    if (!first.rows_done && first.next_try > 0) {
        // All scans are read before the first row of a file with several: what lies behind them may be a maker's own.
        char second[CASTOR_JPEG_MESSAGE_SIZE];
        j.count = first.next_try;
        last = attempt(&j, second);
        last.oddities |= CASTOR_JPEG_BROKEN_END;
    }
    *oddities = last.oddities;
    bool may_be_filled = (last.oddities & CASTOR_JPEG_STRAY_BYTES)
                         && (last.oddities & (CASTOR_JPEG_NO_END | CASTOR_JPEG_BROKEN_END));
    if (last.rows_done && may_be_filled && ends_in_filler(j, last.data_end)) {
        strcpy(message, too_early);
        return false;
    }
    return last.rows_done;
}

#define TEXT(x) #x
#define NUMBER(x) TEXT(x)

const char *castor_jpeg_version(void) { return NUMBER(LIBJPEG_TURBO_VERSION); }

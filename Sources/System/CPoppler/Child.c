#define _GNU_SOURCE
#include "CPoppler.h"
#include "CWorker.h"
#include "Folders.h"
#include "Pictures.h"
#include "Poppler.h"
#include "Protocol.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

// Runs in the process that Parent.c starts, before main.

typedef struct {
    castor_pdf_limits limits;
    int page_count;
    int claimed_count; // where that is more than Poppler takes, else 0
    bool ends_properly;
    const char *bytes;
    size_t size;
} work;

static void send_all(const void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t n = write(ANSWER_FD, (const char *)bytes + done, count - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            _exit(1);
        }
        done += (size_t)n;
    }
}

_Noreturn static void finish(const work *w, castor_pdf_status status, const char *message) {
    size_t size = strnlen(message, MAX_MESSAGE);
    record r = {.magic = RECORD_MAGIC, .status = status, .text_size = (uint32_t)size, .page_count = w->page_count};
    send_all(&r, sizeof r);
    send_all(message, size);
    _exit(0);
}

static void bound(int resource, rlim_t value) {
    struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    setrlimit(resource, &limit);
}

/// Bytes of address space in use.
static size_t address_space(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    if (file) {
        if (fscanf(file, "%lu", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/// Before the document is looked at. Libraries are loaded within the bounds, too.
static void confine(const castor_pdf_limits *limits) {
    enum { NICENESS = 5 };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // A document may work for many seconds: where others want the processor, they have three quarters of it.
    castor_be_helper("castor-pdf", NICENESS);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    bound(RLIMIT_AS, address_space() + limits->memory);
    bound(RLIMIT_CPU, (rlim_t)limits->seconds + 1);
    bound(RLIMIT_CORE, 0);
    // It may write to its pipe, and to no file.
    bound(RLIMIT_FSIZE, 0);
    signal(SIGXFSZ, SIG_IGN);
}

/// Whether the end marker is where readers look for it: a file that was cut has none.
static bool ends_properly(const char *bytes, size_t size) {
    size_t tail = size < 1024 ? size : 1024;
    return memmem(bytes + size - tail, tail, "%%EOF", 5) != NULL;
}

/// The pages in a document whose objects are not compressed.
static int visible_pages(const char *bytes, size_t size) {
    int count = 0;
    for (const char *at = bytes, *end = bytes + size; (at = memmem(at, (size_t)(end - at), "/Type", 5));) {
        at += 5;
        while (at < end && strchr(" \t\r\n", *at)) {
            at++;
        }
        count += end - at > 5 && memcmp(at, "/Page", 5) == 0 && at[5] != 's';
    }
    return count;
}

/// Poppler sees no page where a document claims more of them than it has objects. Where a claim has seven digits and more, puts the number of
/// those that are there in its place, in this process's copy, and gives the claim; 0 where there is none.
static int mend_count(char *bytes, size_t size) {
    for (char *at = bytes, *end = bytes + size; (at = memmem(at, (size_t)(end - at), "/Count", 6));) {
        at += 6;
        while (at < end && strchr(" \t\r\n", *at)) {
            at++;
        }
        char *digits = at;
        double claim = 0;
        for (; at < end && *at >= '0' && *at <= '9'; at++) {
            claim = 10 * claim + (*at - '0');
        }
        if (at - digits >= 7 && at - digits < 100) {
            char number[16];
            int length = snprintf(number, sizeof number, "%d", visible_pages(bytes, size));
            memset(digits, ' ', (size_t)(at - digits));
            memcpy(digits, number, (size_t)(length < at - digits ? length : at - digits));
            return (int)fmin(claim, INT32_MAX);
        }
    }
    return 0;
}

static PopplerDocument *open_document(work *w) {
    struct stat status;
    if (fstat(DOCUMENT_FD, &status) != 0 || status.st_size <= 0) {
        finish(w, CASTOR_PDF_DAMAGED, "");
    }
    size_t size = (size_t)status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, DOCUMENT_FD, 0);
    if (bytes == MAP_FAILED) {
        finish(w, CASTOR_PDF_STOPPED, "");
    }
    w->ends_properly = ends_properly(bytes, size);
    w->bytes = bytes;
    w->size = size;
    GError *error = NULL;
    PopplerDocument *document = pp.poppler_document_new_from_bytes(pp.g_bytes_new_static(bytes, size), NULL, &error);
    if (!document) {
        bool encrypted = error && error->code == POPPLER_ERROR_ENCRYPTED;
        finish(w, encrypted ? CASTOR_PDF_ENCRYPTED : CASTOR_PDF_DAMAGED, error ? error->message : "");
    }
    if (pp.poppler_document_get_n_pages(document) < 1 && (w->claimed_count = mend_count(bytes, size)) > 0) {
        PopplerDocument *mended =
            pp.poppler_document_new_from_bytes(pp.g_bytes_new_static(bytes, size), NULL, NULL);
        document = mended ? mended : document;
    }
    return document;
}

/// What a page is drawn on, and how.
typedef struct {
    cairo_surface_t *surface;
    int width, height;
} canvas;

/// For those who want the text alone: a white pixel.
static canvas blank(void) {
    canvas c = {.width = 1, .height = 1};
    c.surface = pp.cairo_image_surface_create(CAIRO_FORMAT_RGB24, c.width, c.height);
    cairo_t *cairo = pp.cairo_create(c.surface);
    pp.cairo_set_source_rgb(cairo, 1, 1, 1);
    pp.cairo_paint(cairo);
    pp.cairo_surface_flush(c.surface);
    pp.cairo_destroy(cairo);
    return c;
}

static canvas render(const work *w, PopplerPage *page, double dots_per_inch, int max_side) {
    double width = 0, height = 0;
    pp.poppler_page_get_size(page, &width, &height);
    if (!(width > 0) || !(height > 0) || !isfinite(width) || !isfinite(height)) {
        finish(w, CASTOR_PDF_BAD_PAGE, "its size makes no sense");
    }
    double scale = fmin(dots_per_inch / 72, max_side / fmax(width, height));
    canvas c = {
        .width = (int)fmin(fmax(ceil(width * scale - 1e-6), 1), max_side),
        .height = (int)fmin(fmax(ceil(height * scale - 1e-6), 1), max_side),
    };
    c.surface = pp.cairo_image_surface_create(CAIRO_FORMAT_RGB24, c.width, c.height);
    cairo_t *cairo = pp.cairo_create(c.surface);
    pp.cairo_set_source_rgb(cairo, 1, 1, 1);
    pp.cairo_paint(cairo);
    pp.cairo_scale(cairo, scale, scale);
    pp.poppler_page_render(page, cairo);
    pp.cairo_surface_flush(c.surface);
    if (pp.cairo_surface_status(c.surface) != CAIRO_STATUS_SUCCESS) {
        finish(w, CASTOR_PDF_STOPPED, "");
    }
    pp.cairo_destroy(cairo);
    return c;
}

/// Cairo's native-endian 0x00RRGGBB to bytes, red first; the surface is gone afterwards.
static uint8_t *rgb(const work *w, canvas c) {
    const uint8_t *data = pp.cairo_image_surface_get_data(c.surface);
    int stride = pp.cairo_image_surface_get_stride(c.surface);
    uint8_t *pixels = malloc((size_t)c.width * (size_t)c.height * 3);
    if (!data || !pixels) {
        finish(w, CASTOR_PDF_STOPPED, "");
    }
    uint8_t *out = pixels;
    for (int y = 0; y < c.height; y++) {
        const uint32_t *row = (const uint32_t *)(const void *)(data + (ptrdiff_t)y * stride);
        for (int x = 0; x < c.width; x++, out += 3) {
            out[0] = (uint8_t)(row[x] >> 16);
            out[1] = (uint8_t)(row[x] >> 8);
            out[2] = (uint8_t)row[x];
        }
    }
    pp.cairo_surface_destroy(c.surface);
    return pixels;
}

static bool is_blank(const char *text) {
    return text[strspn(text, " \t\r\n\f\v")] == 0;
}

/// At most MAX_TEXT bytes, no character cut.
static size_t text_size(const char *text) {
    size_t size = strnlen(text, MAX_TEXT + 1);
    if (size > MAX_TEXT) {
        size = MAX_TEXT;
        while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80) {
            size--;
        }
    }
    return size;
}

enum { OCR_DOTS_PER_INCH = 300, OCR_MAX_SIDE = 4096 };

static const char *recognised(const work *w, PopplerPage *page) {
    canvas c = render(w, page, OCR_DOTS_PER_INCH, OCR_MAX_SIDE);
    uint8_t *pixels = rgb(w, c);
    const char *message = "";
    char *text = castor_ocr(pixels, c.width, c.height, OCR_DOTS_PER_INCH, &message);
    free(pixels);
    if (!text) {
        finish(w, CASTOR_PDF_NO_OCR, message);
    }
    return text;
}

static void send_page(const work *w, PopplerDocument *document, int index) {
    PopplerPage *page = pp.poppler_document_get_page(document, index);
    if (!page) {
        finish(w, CASTOR_PDF_BAD_PAGE, "it cannot be read");
    }
    canvas c = w->limits.text_only ? blank() : render(w, page, w->limits.dots_per_inch, w->limits.max_side);
    uint8_t *pixels = rgb(w, c);
    const char *text = pp.poppler_page_get_text(page);
    text = text ? text : "";
    if (w->limits.recognise && is_blank(text)) {
        text = recognised(w, page);
    }
    size_t size = text_size(text);
    record r = {
        .magic = RECORD_MAGIC,
        .status = CASTOR_PDF_OK,
        .width = c.width,
        .height = c.height,
        .text_size = (uint32_t)size,
        .page_count = w->page_count,
    };
    send_all(&r, sizeof r);
    send_all(pixels, (size_t)c.width * (size_t)c.height * 3);
    send_all(text, size);
    free(pixels);
    pp.g_object_unref(page);
}

static bool has_page(PopplerDocument *document, int index) {
    PopplerPage *page = pp.poppler_document_get_page(document, index);
    if (page) {
        pp.g_object_unref(page);
    }
    return page != NULL;
}

/// Pages before the first that does not exist, one more than the limit at most. A document may claim more than it has; where one of
/// those it has is broken, there are others behind it, and where they were cut off, the end marker was, too.
static int count_pages(const work *w, PopplerDocument *document) {
    int most = w->limits.max_pages;
    for (int i = 1; w->ends_properly && i < w->page_count && i <= most; i++) {
        if (!has_page(document, i)) {
            return has_page(document, w->page_count - 1) ? w->page_count : i;
        }
    }
    return w->page_count;
}

_Noreturn static void work_on(work *w) {
    confine(&w->limits);
    const char *missing = castor_load_poppler();
    if (missing) {
        finish(w, CASTOR_PDF_MISSING, missing);
    }
    if (w->limits.recognise) {
        // Afterwards no library can be loaded. Whether it is there matters only to a page that needs it.
        const char *message;
        castor_load_ocr(&message);
    }
    castor_sandbox_close(CASTOR_SANDBOX_DOCUMENT, castor_document_folders());
    PopplerDocument *document = open_document(w);
    w->page_count = pp.poppler_document_get_n_pages(document);
    if (w->page_count < 1) {
        finish(w, CASTOR_PDF_NO_PAGES, "");
    }
    int pages = count_pages(w, document);
    if (pages > w->limits.max_pages) {
        finish(w, CASTOR_PDF_TOO_MANY, "");
    }
    for (int i = w->limits.first_page; i < pages; i++) {
        send_page(w, document, i);
    }
    w->page_count = w->claimed_count > 0 ? w->claimed_count : w->page_count;
    bool lacks_pixels = !w->limits.text_only && castor_pdf_lacks_pixels(w->bytes, w->size);
    finish(w, CASTOR_PDF_END, lacks_pixels ? "a picture lacks pixels" : "");
}

void castor_pdf_work(const char *task) {
    work w = {0};
    int seconds = 0, recognise = 0, text_only = 0;
    if (sscanf(
            task, "%d %d %lf %d %zu %d %d %d", &w.limits.max_pages, &w.limits.max_side, &w.limits.dots_per_inch, &seconds,
            &w.limits.memory, &recognise, &text_only, &w.limits.first_page)
        != 8) {
        _exit(1);
    }
    w.limits.seconds = seconds;
    w.limits.recognise = recognise != 0;
    w.limits.text_only = text_only != 0;
    work_on(&w);
}

/// The program's arguments and environment are there before anything of it runs.
__attribute__((constructor)) static void castor_pdf_worker(int count, char **arguments) {
    const char *task = getenv(CASTOR_PDF_VARIABLE);
    if (task && count == 1 && strcmp(arguments[0], "castor-pdf") == 0) {
        castor_pdf_work(task);
    }
}

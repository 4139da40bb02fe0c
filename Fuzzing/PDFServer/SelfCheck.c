#include "SelfCheck.h"

#include "CPoppler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PAGES = 6 };

typedef struct {
    castor_pdf_page pages[MAX_PAGES];
    int count;
    castor_pdf_status status;
} answer;

static answer answer_of(const char *program, const uint8_t *bytes, size_t size) {
    // Those of Sources/Media/MediaLimits.swift, but for the time: the machine may be busy.
    castor_pdf_limits limits = {
        .max_pages = MAX_PAGES, .max_side = 2048, .dots_per_inch = 72, .seconds = 60, .memory = (size_t)1 << 30};
    setenv("CASTOR_PDF_PROGRAM", program, 1);
    answer a = {0};
    castor_pdf *pdf = NULL;
    a.status = castor_pdf_open(bytes, size, &limits, &pdf);
    while (a.status == CASTOR_PDF_OK && a.count < MAX_PAGES) {
        a.status = castor_pdf_next(pdf, &a.pages[a.count]);
        a.count += a.status == CASTOR_PDF_OK;
    }
    if (a.status == CASTOR_PDF_OK) {
        castor_pdf_page more;
        a.status = castor_pdf_next(pdf, &more);
    }
    castor_pdf_close(pdf);
    return a;
}

static bool same(const castor_pdf_page *a, const castor_pdf_page *b) {
    return a->width == b->width && a->height == b->height && a->text_size == b->text_size
           && memcmp(a->rgb, b->rgb, (size_t)a->width * (size_t)a->height * 3) == 0
           && memcmp(a->text, b->text, a->text_size) == 0;
}

void check_same_answers(const char *worker, const uint8_t *bytes, size_t size) {
    // This program links the code of use, too.
    answer expected = answer_of("/proc/self/exe", bytes, size);
    answer actual = answer_of(worker, bytes, size);
    bool ok = expected.status == CASTOR_PDF_END && actual.status == CASTOR_PDF_END && expected.count > 0
              && expected.count == actual.count;
    for (int i = 0; ok && i < expected.count; i++) {
        ok = same(&expected.pages[i], &actual.pages[i]);
    }
    if (!ok) {
        fprintf(
            stderr, "pdf-server: %s gives status %d and %d pages, a process of its own %d and %d, or other pages\n",
            worker, actual.status, actual.count, expected.status, expected.count);
        exit(70);
    }
}

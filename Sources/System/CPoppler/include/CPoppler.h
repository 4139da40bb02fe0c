// PDF pages by Poppler, in a process of their own: a document is a program, and this bounds its time and memory. The process is
// the running program once more, started by path with an environment variable that makes it render and end before its `main`;
// so it needs no second program to be installed, and a program that opens no document never loads Poppler.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    CASTOR_PDF_OK = 0,
    CASTOR_PDF_END,           // no more pages; castor_pdf_page_count is how many the document claims; a message: a picture lacks pixels
    CASTOR_PDF_MISSING,       // a library is not installed; castor_pdf_message says which
    CASTOR_PDF_ENCRYPTED,
    CASTOR_PDF_DAMAGED,       // castor_pdf_message may say how
    CASTOR_PDF_TOO_MANY,      // pages; castor_pdf_page_count says how many
    CASTOR_PDF_NO_PAGES,
    CASTOR_PDF_BAD_PAGE,      // a page whose size makes no sense, or that cannot be read
    CASTOR_PDF_TOO_SLOW,
    CASTOR_PDF_STOPPED,       // the process ended early: out of memory, or a fault
    CASTOR_PDF_NO_OCR,        // built without it, or its library or data are missing; castor_pdf_message says which
    CASTOR_PDF_NOT_STARTED,   // no process could be started; castor_pdf_message says why
    CASTOR_PDF_ENDED,         // somebody ended or stopped the process, or the system did for want of memory; castor_pdf_message says how
} castor_pdf_status;

typedef struct {
    int max_pages;
    int first_page;       // counted from 0; those before it are not rendered
    int max_side;         // pixels; larger pages are rendered at a smaller scale
    double dots_per_inch;
    double seconds;       // for the whole document
    size_t memory;        // bytes of address space that the process may add
    bool recognise;       // text of pages that have none, by OCR
    bool text_only;       // pages are one white pixel each
    const int32_t *cancelled; // once another thread sets it, the process is STOPPED; may be null
} castor_pdf_limits;

typedef struct castor_pdf castor_pdf;

typedef struct {
    int width, height;
    uint8_t *rgb;         // [height, width, 3], by malloc: the caller frees it
    char *text;           // UTF-8, not terminated, by malloc: the caller frees it
    size_t text_size;
} castor_pdf_page;

/// Starts a process for the document. The bytes are copied.
castor_pdf_status castor_pdf_open(const void *bytes, size_t count, const castor_pdf_limits *limits, castor_pdf **pdf);

/// The next page, in order.
castor_pdf_status castor_pdf_next(castor_pdf *pdf, castor_pdf_page *page);

/// What the process said about its failure; empty where it said nothing. Valid until the document is closed.
const char *castor_pdf_message(const castor_pdf *pdf);
int castor_pdf_page_count(const castor_pdf *pdf);

/// Ends the process.
void castor_pdf_close(castor_pdf *pdf);

/// Poppler's version; what is missing, if it cannot be loaded. Loads it into this process.
const char *castor_pdf_version(void);

// What the two processes say to each other: the parent gives a document in a file in memory and limits in the environment, the
// child answers with records, each a header and what it announces.
#pragma once

#include <stdint.h>

enum {
    DOCUMENT_FD = 3,
    ANSWER_FD = 4,
    MAX_TEXT = 1 << 20, // bytes of one page
    MAX_MESSAGE = 512,
};

#define CASTOR_PDF_VARIABLE "CASTOR_PDF_WORKER"

/// What the child is for: renders the document on DOCUMENT_FD within the limits that `task`, the variable's value, says.
_Noreturn void castor_pdf_work(const char *task) __attribute__((visibility("hidden")));

typedef struct {
    uint32_t magic;
    int32_t status;     // castor_pdf_status; OK announces a page, END the end
    int32_t width, height;
    uint32_t text_size; // of the page's text, or of the message
    int32_t page_count;
} record;

#define RECORD_MAGIC 0x50444631u

// Whether the pictures in a document have as many bytes as their sizes need: Poppler leaves what is missing white, and says nothing.
#pragma once

#include <stdbool.h>
#include <stddef.h>

/// Whether a picture surely lacks some. Where a picture's form does not tell how many bytes it needs, it lacks none.
bool castor_pdf_lacks_pixels(const char *bytes, size_t size) __attribute__((visibility("hidden")));

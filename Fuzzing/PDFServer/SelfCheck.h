#pragma once

#include <stddef.h>
#include <stdint.h>

/// Ends the process with a message unless a document gets the same pages and text from the server's worker as from a process
/// that loads Poppler, as in use.
void check_same_answers(const char *worker, const uint8_t *bytes, size_t size);

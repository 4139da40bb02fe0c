// Decomposition and composition of characters by utf8proc. Loaded when a file asks for a normalisation form; nothing of it is compiled in.
#ifndef CASTOR_UTF8PROC_H
#define CASTOR_UTF8PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// NULL when the library is there and can be used; otherwise why not.
const char *castor_utf8proc_missing(void);

/// The characters that `code` is made of, in no other order; how many there are, or 0 where `room` does not do.
int castor_utf8proc_decompose(int32_t code, bool is_compatible, int32_t *parts, int room);

/// The canonical combining class.
int castor_utf8proc_class(int32_t code);

/// Joins what can be joined in decomposed and ordered characters; how many are left, or a number below 0.
ptrdiff_t castor_utf8proc_compose(int32_t *codes, ptrdiff_t count);

#endif

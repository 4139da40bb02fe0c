// Regular expressions by Oniguruma, which the library `tokenizers` uses for those of its files. Loaded when a file has one; nothing of
// it is compiled in.
#ifndef CASTOR_ONIGURUMA_H
#define CASTOR_ONIGURUMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct castor_onig_regex castor_onig_regex;

/// NULL where the pattern cannot be compiled or the library is missing; `message` says why.
castor_onig_regex *castor_onig_compile(const uint8_t *pattern, size_t count, char *message, size_t size);
void castor_onig_free(castor_onig_regex *regex);

/// What one search after the other needs. Bounded in steps and in memory; not to be used by two threads at once.
typedef struct castor_onig_matcher castor_onig_matcher;

/// NULL where memory gave out.
castor_onig_matcher *castor_onig_matcher_make(unsigned long most_retries, unsigned most_stack);
void castor_onig_matcher_free(castor_onig_matcher *matcher);

/// The first match in `text` from `start` on: 1, and where it is; 0 where there is none; below 0 where the search was given up.
int castor_onig_search(const castor_onig_regex *regex, castor_onig_matcher *matcher, const uint8_t *text, size_t count,
                       size_t start, size_t *match_start, size_t *match_end);

#endif

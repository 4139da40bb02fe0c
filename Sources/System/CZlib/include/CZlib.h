// zlib, as far as HTTP's gzip needs it. Without zlib.h, which brings half of the system's headers into every Swift file that imports it.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct castor_inflater castor_inflater;

/// Reads gzip, of one member or several, and zlib's own framing. NULL where there is no memory.
castor_inflater *castor_inflater_create(void);
void castor_inflater_free(castor_inflater *inflater);

enum castor_inflation { castor_inflation_goes_on, castor_inflation_ended, castor_inflation_failed };

/// Fills `output` from `input`, whose all is given at the first call and what was not consumed at each later one.
enum castor_inflation castor_inflate(
    castor_inflater *inflater, const uint8_t *input, size_t input_count, size_t *consumed, uint8_t *output,
    size_t output_count, size_t *written);

/// Bytes that gzip of `count` bytes takes at most.
size_t castor_gzip_bound(size_t count);

/// Bytes written; 0 where there is no memory or `output` is too small.
size_t castor_gzip(const uint8_t *input, size_t count, int level, uint8_t *output, size_t output_count);

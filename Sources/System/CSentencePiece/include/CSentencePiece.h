/// A C face for the part of SentencePiece (a C++ library) that Castor uses. No exception leaves it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct castor_sentencepiece castor_sentencepiece;

/// Loads a serialized model; NULL where it is none, or where `*lacks_memory` says so.
castor_sentencepiece *castor_sentencepiece_load(const void *model, size_t size, bool *lacks_memory);

void castor_sentencepiece_free(castor_sentencepiece *processor);

int32_t castor_sentencepiece_piece_count(const castor_sentencepiece *processor);

/// Id of the end token, -1 if the model has none.
int32_t castor_sentencepiece_end_id(const castor_sentencepiece *processor);

/// Id of the unknown token.
int32_t castor_sentencepiece_unknown_id(const castor_sentencepiece *processor);

/// Encodes `size` bytes of UTF-8. Writes at most `capacity` ids and returns how many the text has, or -1 on failure.
/// Safe to call from many threads.
int64_t castor_sentencepiece_encode(
    const castor_sentencepiece *processor, const char *text, size_t size, int32_t *ids, size_t capacity);

#ifdef __cplusplus
}
#endif

// libheif, loaded by the first picture that needs it: with it come the coders of two video formats, whose start takes 4 ms. The
// header gives types only.
#pragma once

#include <libheif/heif.h>
#include <stdbool.h>

#define CASTOR_HEIF_FUNCTIONS(F) \
    F(heif_get_version) F(heif_context_alloc) F(heif_context_free) F(heif_context_set_maximum_image_size_limit) \
    F(heif_context_set_max_decoding_threads) F(heif_context_read_from_memory_without_copy) \
    F(heif_context_get_primary_image_handle) F(heif_image_handle_release) F(heif_image_handle_get_width) \
    F(heif_image_handle_get_height) F(heif_image_handle_has_alpha_channel) F(heif_decode_image) F(heif_image_release) \
    F(heif_image_get_plane_readonly) F(heif_image_get_width) F(heif_image_get_height) \
    F(heif_decoding_options_alloc) F(heif_decoding_options_free) F(heif_get_decoder_descriptors) \
    F(heif_decoder_descriptor_get_id_name)

#define CASTOR_HEIF_FIELD(name) __typeof__(&name) name;

typedef struct {
    CASTOR_HEIF_FUNCTIONS(CASTOR_HEIF_FIELD)
} castor_heif_functions;

/// The library's functions, by their own names; null where it is not there.
const castor_heif_functions *castor_heif(void);

/// Whether a thread can be started. The HEVC decoder waits for ever for one that could not.
bool castor_heif_has_thread(void);

/// Why it is not there, for the thread that was told so.
const char *castor_heif_missing(void);

/// Whether it is there, and only memory was missing to map it in.
bool castor_heif_lacks_memory(void);

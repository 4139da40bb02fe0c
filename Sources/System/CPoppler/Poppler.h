// The functions of Poppler, Cairo, GLib and Tesseract that this target uses, resolved at run time. They are declared here, in the
// few types that they need: SwiftPM links a library whose headers it finds by pkg-config, and linking Poppler costs every start.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct GBytes GBytes;
typedef struct PopplerDocument PopplerDocument;
typedef struct PopplerPage PopplerPage;
typedef struct cairo_surface_t cairo_surface_t;
typedef struct cairo_t cairo_t;

typedef struct {
    uint32_t domain;
    int code;
    char *message;
} GError;

enum { POPPLER_ERROR_ENCRYPTED = 1, CAIRO_FORMAT_RGB24 = 1, CAIRO_STATUS_SUCCESS = 0 };

GBytes *g_bytes_new_static(const void *data, size_t size);
void g_object_unref(void *object);
cairo_surface_t *cairo_image_surface_create(int format, int width, int height);
unsigned char *cairo_image_surface_get_data(cairo_surface_t *surface);
int cairo_image_surface_get_stride(cairo_surface_t *surface);
void cairo_surface_flush(cairo_surface_t *surface);
int cairo_surface_status(cairo_surface_t *surface);
void cairo_surface_destroy(cairo_surface_t *surface);
cairo_t *cairo_create(cairo_surface_t *target);
void cairo_destroy(cairo_t *cairo);
void cairo_set_source_rgb(cairo_t *cairo, double red, double green, double blue);
void cairo_paint(cairo_t *cairo);
void cairo_scale(cairo_t *cairo, double x, double y);
const char *poppler_get_version(void);
PopplerDocument *poppler_document_new_from_bytes(GBytes *bytes, const char *password, GError **error);
int poppler_document_get_n_pages(PopplerDocument *document);
PopplerPage *poppler_document_get_page(PopplerDocument *document, int index);
void poppler_page_get_size(PopplerPage *page, double *width, double *height);
void poppler_page_render(PopplerPage *page, cairo_t *cairo);
char *poppler_page_get_text(PopplerPage *page);

#define GLIB_FUNCTIONS(F) F(g_bytes_new_static)
#define GOBJECT_FUNCTIONS(F) F(g_object_unref)
#define CAIRO_FUNCTIONS(F) \
    F(cairo_image_surface_create) F(cairo_image_surface_get_data) F(cairo_image_surface_get_stride) F(cairo_create) \
    F(cairo_destroy) F(cairo_set_source_rgb) F(cairo_paint) F(cairo_scale) F(cairo_surface_flush) \
    F(cairo_surface_status) F(cairo_surface_destroy)
#define POPPLER_FUNCTIONS(F) \
    F(poppler_get_version) F(poppler_document_new_from_bytes) F(poppler_document_get_n_pages) F(poppler_document_get_page) \
    F(poppler_page_get_size) F(poppler_page_render) F(poppler_page_get_text)

#define FIELD(name) __typeof__(&name) name;

typedef struct {
    GLIB_FUNCTIONS(FIELD)
    GOBJECT_FUNCTIONS(FIELD)
    CAIRO_FUNCTIONS(FIELD)
    POPPLER_FUNCTIONS(FIELD)
} poppler_functions;

/// Call as `pp.cairo_create(...)`, after `castor_load_poppler`.
extern poppler_functions pp __attribute__((visibility("hidden")));

/// NULL, or what is missing.
const char *castor_load_poppler(void) __attribute__((visibility("hidden")));

/// Loads what recognises text, or says what is missing.
bool castor_load_ocr(const char **message) __attribute__((visibility("hidden")));

/// The text in a picture `[height, width, 3]`, never to be freed; NULL with a message where that is not possible.
char *castor_ocr(const unsigned char *rgb, int width, int height, int dots_per_inch, const char **message)
    __attribute__((visibility("hidden")));

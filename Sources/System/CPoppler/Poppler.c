#include "Poppler.h"

#include "CPoppler.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>

poppler_functions pp;

static char missing[256];

#define RESOLVE(name) \
    if (ok && !(pp.name = (__typeof__(pp.name))dlsym(library, #name))) { \
        snprintf(missing, sizeof missing, "%s has no function " #name, file); \
        ok = false; \
    }

// A macro and not a function: the list of names differs each time, and dlsym's result needs its type.
#define LOAD(soname, functions) \
    do { \
        const char *file = soname; \
        void *library = ok ? dlopen(file, RTLD_LAZY | RTLD_LOCAL) : NULL; \
        if (ok && !library) { \
            snprintf(missing, sizeof missing, "%s", dlerror()); \
            ok = false; \
        } \
        functions(RESOLVE) \
    } while (0)

const char *castor_load_poppler(void) {
    static _Atomic bool loaded;
    if (loaded) {
        return NULL;
    }
    bool ok = true;
    LOAD("libglib-2.0.so.0", GLIB_FUNCTIONS);
    LOAD("libgobject-2.0.so.0", GOBJECT_FUNCTIONS);
    LOAD("libcairo.so.2", CAIRO_FUNCTIONS);
    LOAD("libpoppler-glib.so.8", POPPLER_FUNCTIONS);
    loaded = ok;
    return ok ? NULL : missing;
}

const char *castor_pdf_version(void) {
    const char *problem = castor_load_poppler();
    return problem ? problem : pp.poppler_get_version();
}

#ifdef CASTOR_OCR

#include <tesseract/capi.h>

#define TESSERACT_FUNCTIONS(F) \
    F(TessBaseAPICreate) F(TessBaseAPIInit3) F(TessBaseAPISetImage) F(TessBaseAPISetSourceResolution) \
    F(TessBaseAPIGetUTF8Text)

static struct {
    TESSERACT_FUNCTIONS(FIELD)
} tesseract;

#undef RESOLVE
#define RESOLVE(name) \
    if (ok && !(tesseract.name = (__typeof__(tesseract.name))dlsym(library, #name))) { \
        snprintf(missing, sizeof missing, "%s has no function " #name, file); \
        ok = false; \
    }

static TessBaseAPI *engine;

bool castor_load_ocr(const char **message) {
    static const char *problem;
    if (engine || problem) {
        *message = problem;
        return engine != NULL;
    }
    bool ok = true;
    LOAD("libtesseract.so.5", TESSERACT_FUNCTIONS);
    TessBaseAPI *made = ok ? tesseract.TessBaseAPICreate() : NULL;
    if (!ok) {
        problem = missing;
    } else if (!made || tesseract.TessBaseAPIInit3(made, NULL, "eng") != 0) {
        problem = "its data for English (tesseract-ocr-eng) cannot be loaded";
    } else {
        engine = made;
    }
    *message = problem;
    return engine != NULL;
}

char *castor_ocr(const unsigned char *rgb, int width, int height, int dots_per_inch, const char **message) {
    if (!castor_load_ocr(message)) {
        return NULL;
    }
    tesseract.TessBaseAPISetImage(engine, rgb, width, height, 3, 3 * width);
    tesseract.TessBaseAPISetSourceResolution(engine, dots_per_inch);
    char *text = tesseract.TessBaseAPIGetUTF8Text(engine);
    if (!text) {
        *message = "it found no result";
    }
    return text;
}

#else

bool castor_load_ocr(const char **message) {
    *message = "this program was built without it: build with swift build --traits OCR";
    return false;
}

char *castor_ocr(const unsigned char *rgb, int width, int height, int dots_per_inch, const char **message) {
    (void)rgb, (void)width, (void)height, (void)dots_per_inch;
    castor_load_ocr(message);
    return NULL;
}

#endif

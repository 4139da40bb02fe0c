#include "CFFmpeg.h"
#include "Library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

ffmpeg_functions ff;

static char missing[256];
static bool resampling_loaded;
static bool decoding_loaded;
static bool scaling_loaded;

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define SONAME(library, version) library ".so." TEXT(version)

#define RESOLVE(name) \
    if (ok && !(ff.name = (__typeof__(ff.name))dlsym(library, #name))) { \
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

static void load_resampling(void) {
    bool ok = true;
    LOAD(SONAME("libavutil", LIBAVUTIL_VERSION_MAJOR), AVUTIL_FUNCTIONS);
    LOAD(SONAME("libswresample", LIBSWRESAMPLE_VERSION_MAJOR), SWRESAMPLE_FUNCTIONS);
    if (ok) {
        // Decoders print about damaged input; callers get it as a status instead.
        ff.av_log_set_level(AV_LOG_QUIET);
    }
    resampling_loaded = ok;
}

static void load_decoding(void) {
    bool ok = castor_load_resampling();
    LOAD(SONAME("libavcodec", LIBAVCODEC_VERSION_MAJOR), AVCODEC_FUNCTIONS);
    LOAD(SONAME("libavformat", LIBAVFORMAT_VERSION_MAJOR), AVFORMAT_FUNCTIONS);
    decoding_loaded = ok;
}

static void load_scaling(void) {
    bool ok = castor_load_decoding();
    LOAD(SONAME("libswscale", LIBSWSCALE_VERSION_MAJOR), SWSCALE_FUNCTIONS);
    scaling_loaded = ok;
}

bool castor_load_resampling(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_resampling);
    return resampling_loaded;
}

bool castor_load_decoding(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_decoding);
    return decoding_loaded;
}

bool castor_load_scaling(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_scaling);
    return scaling_loaded;
}

void castor_ffmpeg_load(void) { castor_load_scaling(); }

const char *castor_ffmpeg_missing(void) { return missing; }

const char *castor_ffmpeg_version(void) { return castor_load_decoding() ? ff.av_version_info() : missing; }

#include "Library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

ffmpeg_functions ff;

/// What FFmpeg allocates at once: more than any plane of a frame within the limits, and the pixels of the largest BMP file. Its own
/// default is 2 GiB, and headers of a few bytes make it allocate that.
enum { MAX_ALLOCATION = 512 << 20 };

static _Thread_local char missing[256];

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define SONAME(library, version) library ".so." TEXT(version)

/// The words of glibc's loader. They come with the reason in some versions only.
static castor_ffmpeg_status failure(const char *reason) {
    static const char *const of_memory[] = {"annot allocate memory", "failed to map segment", "cannot map zero-fill pages"};
    snprintf(missing, sizeof missing, "%s", reason ? reason : "unknown reason");
    for (size_t i = 0; i < sizeof of_memory / sizeof *of_memory; i++) {
        if (strstr(missing, of_memory[i])) {
            return CASTOR_FFMPEG_NO_MEMORY;
        }
    }
    return CASTOR_FFMPEG_MISSING;
}

#define RESOLVE(name) \
    if (status == CASTOR_FFMPEG_OK && !(ff.name = (__typeof__(ff.name))dlsym(library, #name))) { \
        snprintf(missing, sizeof missing, "%s has no function " #name, file); \
        status = CASTOR_FFMPEG_MISSING; \
    }

// A macro and not a function: the list of names differs each time, and dlsym's result needs its type.
#define LOAD(soname, functions) \
    do { \
        const char *file = soname; \
        void *library = status == CASTOR_FFMPEG_OK ? dlopen(file, RTLD_LAZY | RTLD_LOCAL) : NULL; \
        if (status == CASTOR_FFMPEG_OK && !library) { \
            status = failure(dlerror()); \
        } \
        functions(RESOLVE) \
    } while (0)

/// Also FFmpeg 7's (Debian 13), for a program built with an earlier one: what is passed are channel layouts, names of formats and plain
/// samples, which have been the same since FFmpeg 5.1. Frames, packets and contexts have not, and are given to the headers' own libraries only.
static castor_ffmpeg_status load_resampling(void) {
    castor_ffmpeg_status status = CASTOR_FFMPEG_OK;
#if LIBSWRESAMPLE_VERSION_MAJOR < 5
    if (!dlopen(SONAME("libswresample", LIBSWRESAMPLE_VERSION_MAJOR), RTLD_LAZY | RTLD_LOCAL)
        && failure(dlerror()) == CASTOR_FFMPEG_MISSING && dlopen("libswresample.so.5", RTLD_LAZY | RTLD_LOCAL)) {
        LOAD("libswresample.so.5", SWRESAMPLE_FUNCTIONS);
        return status;
    }
#endif
    LOAD(SONAME("libswresample", LIBSWRESAMPLE_VERSION_MAJOR), SWRESAMPLE_FUNCTIONS);
    return status;
}

static castor_ffmpeg_status load_decoding(void) {
    castor_ffmpeg_status status = CASTOR_FFMPEG_OK;
    LOAD(SONAME("libavutil", LIBAVUTIL_VERSION_MAJOR), AVUTIL_FUNCTIONS);
    LOAD(SONAME("libavcodec", LIBAVCODEC_VERSION_MAJOR), AVCODEC_FUNCTIONS);
    LOAD(SONAME("libavformat", LIBAVFORMAT_VERSION_MAJOR), AVFORMAT_FUNCTIONS);
    if (status == CASTOR_FFMPEG_OK) {
        // Decoders print about damaged input; callers get it as a status instead.
        ff.av_log_set_level(AV_LOG_QUIET);
        ff.av_max_alloc(MAX_ALLOCATION);
    }
    return status;
}

static castor_ffmpeg_status load_scaling(void) {
    castor_ffmpeg_status status = CASTOR_FFMPEG_OK;
    LOAD(SONAME("libswscale", LIBSWSCALE_VERSION_MAJOR), SWSCALE_FUNCTIONS);
    return status;
}

/// What failed may succeed later, when there is memory again or the package was installed.
static castor_ffmpeg_status load_once(atomic_bool *is_loaded, castor_ffmpeg_status (*load)(void)) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    if (atomic_load_explicit(is_loaded, memory_order_acquire)) {
        return CASTOR_FFMPEG_OK;
    }
    pthread_mutex_lock(&mutex);
    castor_ffmpeg_status status = atomic_load(is_loaded) ? CASTOR_FFMPEG_OK : load();
    atomic_store_explicit(is_loaded, status == CASTOR_FFMPEG_OK, memory_order_release);
    pthread_mutex_unlock(&mutex);
    return status;
}

castor_ffmpeg_status castor_load_resampling(void) {
    static atomic_bool is_loaded;
    return load_once(&is_loaded, load_resampling);
}

castor_ffmpeg_status castor_load_decoding(void) {
    static atomic_bool is_loaded;
    castor_ffmpeg_status status = castor_load_resampling();
    return status == CASTOR_FFMPEG_OK ? load_once(&is_loaded, load_decoding) : status;
}

castor_ffmpeg_status castor_load_scaling(void) {
    static atomic_bool is_loaded;
    castor_ffmpeg_status status = castor_load_decoding();
    return status == CASTOR_FFMPEG_OK ? load_once(&is_loaded, load_scaling) : status;
}

void castor_ffmpeg_load(void) { castor_load_scaling(); }

const char *castor_ffmpeg_missing(void) { return missing; }

const char *castor_ffmpeg_packages(void) {
    return "libavcodec" TEXT(LIBAVCODEC_VERSION_MAJOR) " libavformat" TEXT(LIBAVFORMAT_VERSION_MAJOR)
        " libswresample" TEXT(LIBSWRESAMPLE_VERSION_MAJOR) " libswscale" TEXT(LIBSWSCALE_VERSION_MAJOR);
}

const char *castor_ffmpeg_version(void) {
    return castor_load_decoding() == CASTOR_FFMPEG_OK ? ff.av_version_info() : missing;
}

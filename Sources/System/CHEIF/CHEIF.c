#include "CHEIF.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static castor_heif_functions functions;
static bool is_loaded;
static char missing[256];

#define RESOLVE(name) \
    if (!(functions.name = (__typeof__(functions.name))dlsym(library, #name))) { \
        snprintf(missing, sizeof missing, "libheif.so.1 has no function " #name); \
        return; \
    }

static void load(void) {
    void *library = dlopen("libheif.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        snprintf(missing, sizeof missing, "%s", dlerror());
        return;
    }
    CASTOR_HEIF_FUNCTIONS(RESOLVE)
    is_loaded = true;
}

const castor_heif_functions *castor_heif(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return is_loaded ? &functions : NULL;
}

static void *nothing(void *argument) { return argument; }

bool castor_heif_has_thread(void) {
    pthread_t thread;
    return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

const char *castor_heif_missing(void) { return missing; }

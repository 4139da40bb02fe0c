#include "CHEIF.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static castor_heif_functions functions;
static _Atomic bool is_loaded;
static _Thread_local char missing[256];
static _Thread_local bool lacks_memory;

#define RESOLVE(name) \
    if (!(functions.name = (__typeof__(functions.name))dlsym(library, #name))) { \
        snprintf(missing, sizeof missing, "libheif.so.1 has no function " #name); \
        return; \
    }

static void load(void) {
    void *library = dlopen("libheif.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        const char *reason = dlerror();
        snprintf(missing, sizeof missing, "%s", reason ? reason : "unknown reason");
        // The words of glibc's loader.
        lacks_memory = strstr(missing, "annot allocate memory") || strstr(missing, "failed to map segment")
            || strstr(missing, "cannot map zero-fill pages");
        return;
    }
    CASTOR_HEIF_FUNCTIONS(RESOLVE)
    is_loaded = true;
}

const castor_heif_functions *castor_heif(void) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    if (!is_loaded) {
        // What failed may succeed later, when there is memory again or the package was installed.
        pthread_mutex_lock(&mutex);
        if (!is_loaded) {
            lacks_memory = false;
            load();
        }
        pthread_mutex_unlock(&mutex);
    }
    return is_loaded ? &functions : NULL;
}

static void *nothing(void *argument) { return argument; }

bool castor_heif_has_thread(void) {
    pthread_t thread;
    return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

const char *castor_heif_missing(void) { return missing; }

bool castor_heif_lacks_memory(void) { return lacks_memory; }

#define _GNU_SOURCE
#include "COpenBLAS.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

extern char **environ;

static const char soname[] = "libopenblas.so.0";

static bool names(const char *entry, const char *variable) {
    size_t length = strlen(variable);
    return strncmp(entry, variable, length) == 0 && entry[length] == '=';
}

/// The environment with these two in place of what it says of them. Never freed: another thread may be reading it when it is gone.
static char **with(char **old, const char *core_type) {
    size_t count = 0;
    while (old && old[count]) {
        count++;
    }
    char **new = malloc((count + 3) * sizeof *new);
    if (!new) {
        return NULL;
    }
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!names(old[i], "OPENBLAS_NUM_THREADS") && !(core_type && names(old[i], "OPENBLAS_CORETYPE"))) {
            new[n++] = old[i];
        }
    }
    // Work is divided above it, and its own threads wait for theirs by spinning.
    new[n++] = (char *)"OPENBLAS_NUM_THREADS=1";
    if (core_type && asprintf(&new[n], "OPENBLAS_CORETYPE=%s", core_type) > 0) {
        n++;
    }
    new[n] = NULL;
    return new;
}

static void *load(const char *core_type) {
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&turn);
    char **old = __atomic_load_n(&environ, __ATOMIC_ACQUIRE);
    char **new = with(old, core_type);
    if (new) {
        __atomic_store_n(&environ, new, __ATOMIC_RELEASE);
    }
    void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
    // Not where another thread has added a variable: that made an array of its own.
    if (new) {
        __atomic_compare_exchange_n(&environ, &new, old, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    pthread_mutex_unlock(&turn);
    return library;
}

bool castor_openblas_open(castor_openblas *blas, const char *core_type, char *message, size_t size) {
    memset(blas, 0, sizeof *blas);
    void *there = dlopen(soname, RTLD_LAZY | RTLD_NOLOAD);
    blas->was_there = there != NULL;
    blas->library = there ? there : load(core_type);
    if (!blas->library) {
        const char *reason = dlerror();
        snprintf(message, size, "%s", reason ? reason : soname);
        return false;
    }
    struct {
        const char *name;
        void **function;
        bool is_optional;
    } wanted[] = {
        {"cblas_sgemm", (void **)&blas->sgemm, false},
        {"sgesdd_", (void **)&blas->sgesdd, false},
        {"dposv_", (void **)&blas->dposv, false},
        {"openblas_set_num_threads", (void **)&blas->set_num_threads, false},
        {"openblas_get_config", (void **)&blas->config, false},
        {"openblas_get_corename", (void **)&blas->core_name, false},
        {"blas_memory_alloc", (void **)&blas->memory_alloc, true},
        {"blas_memory_free", (void **)&blas->memory_free, true},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        *wanted[i].function = dlsym(blas->library, wanted[i].name);
        if (!*wanted[i].function && !wanted[i].is_optional) {
            snprintf(message, size, "%s has no function %s", soname, wanted[i].name);
            castor_openblas_close(blas);
            return false;
        }
    }
    // Where it was loaded by others, it has as many as the machine has cores.
    blas->set_num_threads(1);
    return true;
}

void castor_openblas_close(castor_openblas *blas) {
    dlclose(blas->library);
    memset(blas, 0, sizeof *blas);
}

static void *room(size_t bytes) {
    void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return start == MAP_FAILED ? NULL : start;
}

int castor_openblas_reserve(const castor_openblas *blas, int callers, int known) {
    // SPARE is for a caller's stack and whatever else its thread needs; no second one takes the REST, where a model has to fit.
    enum { MOST = 128, BUFFER = CASTOR_OPENBLAS_BUFFER + (1 << 20), SPARE = 16 << 20, REST = 192 << 20 };
    bool takes = blas->memory_alloc && blas->memory_free;
    void *buffers[MOST], *spares[MOST], *rest = NULL;
    int count = 0;
    while (count < callers && count < MOST) {
        if (count == 1 && !(rest = room(REST))) {
            break;
        }
        spares[count] = room(SPARE);
        if (!spares[count]) {
            break;
        }
        buffers[count] = count < known ? NULL : room(BUFFER);
        if (count >= known && !buffers[count]) {
            munmap(spares[count], SPARE);
            break;
        }
        // OpenBLAS keeps them for the calls to come. A build that hides this is asked for nothing: the room is only counted.
        if (takes) {
            if (buffers[count]) {
                munmap(buffers[count], BUFFER);
            }
            buffers[count] = blas->memory_alloc(0);
        }
        count++;
    }
    if (rest) {
        munmap(rest, REST);
    }
    for (int i = 0; i < count; i++) {
        munmap(spares[i], SPARE);
        if (takes) {
            blas->memory_free(buffers[i]);
        } else if (buffers[i]) {
            munmap(buffers[i], BUFFER);
        }
    }
    return count;
}

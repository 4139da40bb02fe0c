#define _GNU_SOURCE
#include "COpenBLAS.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

int64_t castor_address_space_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur < INT64_MAX ? (int64_t)limit.rlim_cur : -1;
}

bool castor_has_address_space(size_t bytes) {
    void *start = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return start != MAP_FAILED && munmap(start, bytes) == 0;
}

void castor_save_address_space(size_t stack) {
    mallopt(M_ARENA_MAX, 1);
    pthread_attr_t attributes;
    size_t standard;
    if (pthread_getattr_default_np(&attributes) != 0) {
        return;
    }
    if (pthread_attr_getstacksize(&attributes, &standard) == 0 && standard > stack
        && pthread_attr_setstacksize(&attributes, stack) == 0) {
        pthread_setattr_default_np(&attributes);
    }
    pthread_attr_destroy(&attributes);
}

#include "CUTF8Proc.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <utf8proc.h>

static __typeof__(&utf8proc_decompose_char) decompose_char;
static __typeof__(&utf8proc_get_property) get_property;
static __typeof__(&utf8proc_normalize_utf32) normalize;
static char missing[256];

static void load(void) {
    // Debian 12's, and the one after it: what is used of both is the same.
    void *library = dlopen("libutf8proc.so.2", RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        library = dlopen("libutf8proc.so.3", RTLD_LAZY | RTLD_LOCAL);
    }
    if (!library) {
        snprintf(missing, sizeof missing, "%s", dlerror());
        return;
    }
    decompose_char = (__typeof__(decompose_char))dlsym(library, "utf8proc_decompose_char");
    get_property = (__typeof__(get_property))dlsym(library, "utf8proc_get_property");
    normalize = (__typeof__(normalize))dlsym(library, "utf8proc_normalize_utf32");
    if (!decompose_char || !get_property || !normalize) {
        snprintf(missing, sizeof missing, "libutf8proc lacks a function");
    }
}

const char *castor_utf8proc_missing(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return missing[0] ? missing : NULL;
}

int castor_utf8proc_decompose(int32_t code, bool is_compatible, int32_t *parts, int room) {
    int boundary = 0;
    utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (is_compatible ? UTF8PROC_COMPAT : 0);
    utf8proc_ssize_t count = decompose_char(code, parts, room, options, &boundary);
    return count > 0 && count <= room ? (int)count : 0;
}

int castor_utf8proc_class(int32_t code) { return get_property(code)->combining_class; }

ptrdiff_t castor_utf8proc_compose(int32_t *codes, ptrdiff_t count) {
    return normalize(codes, count, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

#include "COniguruma.h"

#include <dlfcn.h>
#include <oniguruma.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define FUNCTIONS(X) \
    X(onig_initialize) \
    X(onig_new) \
    X(onig_free) \
    X(onig_search_with_param) \
    X(onig_region_new) \
    X(onig_region_free) \
    X(onig_error_code_to_str) \
    X(onig_set_parse_depth_limit) \
    X(onig_set_capture_num_limit) \
    X(onig_new_match_param) \
    X(onig_free_match_param) \
    X(onig_initialize_match_param) \
    X(onig_set_match_stack_limit_size_of_match_param) \
    X(onig_set_retry_limit_in_match_of_match_param) \
    X(onig_set_retry_limit_in_search_of_match_param)

#define DECLARE(name) __typeof__(&name) name##_;
static struct {
    FUNCTIONS(DECLARE)
} onig;

static OnigEncoding utf8;
static OnigSyntaxType *syntax;
static char missing[256];
static bool is_loaded;

#define RESOLVE(name) \
    if (!(onig.name##_ = (__typeof__(onig.name##_))dlsym(library, #name))) { \
        snprintf(missing, sizeof missing, "libonig.so.5 has no function " #name); \
        return; \
    }

static void load(void) {
    void *library = dlopen("libonig.so.5", RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        snprintf(missing, sizeof missing, "%s", dlerror());
        return;
    }
    FUNCTIONS(RESOLVE)
    utf8 = (OnigEncoding)dlsym(library, "OnigEncodingUTF8");
    OnigSyntaxType **standard = (OnigSyntaxType **)dlsym(library, "OnigDefaultSyntax");
    if (!utf8 || !standard) {
        snprintf(missing, sizeof missing, "libonig.so.5 does not know UTF-8");
        return;
    }
    syntax = *standard;
    onig.onig_initialize_(&utf8, 1);
    // A pattern nested deeper, or with more groups, is an attack on the stack.
    onig.onig_set_parse_depth_limit_(100);
    onig.onig_set_capture_num_limit_(100);
    is_loaded = true;
}

castor_onig_regex *castor_onig_compile(const uint8_t *pattern, size_t count, char *message, size_t size) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (!is_loaded) {
        snprintf(message, size, "%s", missing);
        return NULL;
    }
    OnigRegex regex = NULL;
    OnigErrorInfo info;
    // The library's tables of folded cases are filled at first use, unguarded.
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&turn);
    int status = onig.onig_new_(&regex, pattern, pattern + count, ONIG_OPTION_NONE, utf8, syntax, &info);
    pthread_mutex_unlock(&turn);
    if (status != ONIG_NORMAL) {
        UChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
        int length = onig.onig_error_code_to_str_(text, status, &info);
        snprintf(message, size, "%.*s", length, (const char *)text);
        return NULL;
    }
    return (castor_onig_regex *)regex;
}

void castor_onig_free(castor_onig_regex *regex) { onig.onig_free_((OnigRegex)regex); }

struct castor_onig_matcher {
    OnigRegion *region;
    OnigMatchParam *param;
};

castor_onig_matcher *castor_onig_matcher_make(unsigned long most_retries, unsigned most_stack) {
    castor_onig_matcher *matcher = calloc(1, sizeof *matcher);
    if (!matcher) {
        return NULL;
    }
    matcher->region = onig.onig_region_new_();
    matcher->param = onig.onig_new_match_param_();
    if (!matcher->region || !matcher->param) {
        castor_onig_matcher_free(matcher);
        return NULL;
    }
    onig.onig_initialize_match_param_(matcher->param);
    onig.onig_set_retry_limit_in_match_of_match_param_(matcher->param, most_retries);
    onig.onig_set_retry_limit_in_search_of_match_param_(matcher->param, most_retries);
    onig.onig_set_match_stack_limit_size_of_match_param_(matcher->param, most_stack);
    return matcher;
}

void castor_onig_matcher_free(castor_onig_matcher *matcher) {
    if (matcher->region) {
        onig.onig_region_free_(matcher->region, 1);
    }
    if (matcher->param) {
        onig.onig_free_match_param_(matcher->param);
    }
    free(matcher);
}

int castor_onig_search(const castor_onig_regex *regex, castor_onig_matcher *matcher, const uint8_t *text, size_t count,
                       size_t start, size_t *match_start, size_t *match_end) {
    int at = onig.onig_search_with_param_((OnigRegex)regex, text, text + count, text + start, text + count, matcher->region,
                                         ONIG_OPTION_NONE, matcher->param);
    if (at == ONIG_MISMATCH) {
        return 0;
    }
    if (at < 0) {
        return at;
    }
    *match_start = matcher->region->beg[0];
    *match_end = matcher->region->end[0];
    return 1;
}

#include "Folders.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_PATH = 4096 };

static const char *const shared[] = {
    "/usr", "/lib", "/lib64", "/etc/fonts", "/var/cache/fontconfig", "/opt", "/nix/store", "/gnu/store",
};
static const char *const at_home[] = {".fonts", ".fonts.conf", ".local/share/fonts", ".config/fontconfig", ".cache/fontconfig"};
static const char *const named[] = {"FONTCONFIG_PATH", "FONTCONFIG_FILE", "TESSDATA_PREFIX"};

enum {
    SHARED = sizeof shared / sizeof *shared,
    AT_HOME = sizeof at_home / sizeof *at_home,
    NAMED = sizeof named / sizeof *named
};

const char *const *castor_document_folders(void) {
    static const char *folders[SHARED + AT_HOME + NAMED + 1];
    static char paths[AT_HOME][MAX_PATH];
    size_t n = 0;
    for (size_t i = 0; i < SHARED; i++) {
        folders[n++] = shared[i];
    }
    const char *home = getenv("HOME");
    for (size_t i = 0; home && i < AT_HOME; i++) {
        snprintf(paths[i], MAX_PATH, "%s/%s", home, at_home[i]);
        folders[n++] = paths[i];
    }
    for (size_t i = 0; i < NAMED; i++) {
        const char *path = getenv(named[i]);
        if (path && *path) {
            folders[n++] = path;
        }
    }
    folders[n] = NULL;
    return folders;
}

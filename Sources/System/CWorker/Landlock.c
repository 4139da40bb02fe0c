#define _GNU_SOURCE
#include "Sandbox.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The kernel's interface, with what newer kernels have than the headers at hand.

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

typedef struct {
    uint64_t files, net, scoped;
} ruleset;

typedef struct {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed)) path_beneath;

/// All that a version can refuse, each with what those before it can: executing, reading, writing, making and removing files (13
/// kinds), then linking elsewhere, truncating, and ioctl of devices.
static uint64_t all_file_rights(long version) {
    return version >= 5 ? 0xFFFF : version >= 3 ? 0x7FFF : version >= 2 ? 0x3FFF : 0x1FFF;
}

enum { READ_FILE = 1 << 2, READ_DIRECTORY = 1 << 3 };

static void allow_reading(int rules, const char *folder) {
    path_beneath rule = {.allowed = READ_FILE | READ_DIRECTORY, .parent = open(folder, O_PATH | O_CLOEXEC)};
    struct stat status;
    if (rule.parent < 0) {
        return;
    }
    if (fstat(rule.parent, &status) == 0 && !S_ISDIR(status.st_mode)) {
        rule.allowed = READ_FILE;
    }
    syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent);
}

int castor_sandbox_landlock(const char *const *folders) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    if (version < 1) {
        return 0;
    }
    ruleset handled = {.files = all_file_rights(version)};
    size_t size = sizeof handled.files;
    if (version >= 4) {
        handled.net = 3; // binding and connecting
        size += sizeof handled.net;
    }
    if (version >= 6) {
        handled.scoped = 3; // abstract sockets of other processes, and signals to them
        size += sizeof handled.scoped;
    }
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, size, 0);
    if (rules < 0) {
        return 0;
    }
    for (; folders && *folders; folders++) {
        allow_reading(rules, *folders);
    }
    bool closed = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    return closed ? (int)version : 0;
}

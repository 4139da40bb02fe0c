#define _GNU_SOURCE
#include "Looking.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t castor_worked_ns(pid_t process) {
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &t) != 0) {
        return 0;
    }
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t castor_worked(pid_t process) { return castor_worked_ns(process) / 1000000; }

/// The beginning of a small file, as text.
static void read_file(const char *path, char *text, size_t capacity) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? 0 : read(file, text, capacity - 1);
    if (file >= 0) {
        close(file);
    }
    text[count > 0 ? count : 0] = 0;
}

/// The state in a file such as /proc/1/stat, 0 without.
static char state_in(const char *path) {
    char text[512];
    read_file(path, text, sizeof text);
    // It stands behind the name, which may hold anything.
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[1] ? name_end[2] : 0;
}

char castor_state(pid_t process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    return state_in(path);
}

bool castor_wants_to_run(pid_t process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *threads = opendir(path);
    bool wants = false;
    for (struct dirent *entry; threads && !wants && (entry = readdir(threads));) {
        int thread = atoi(entry->d_name);
        if (thread <= 0) {
            continue;
        }
        snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)process, thread);
        wants = state_in(path) == 'R';
    }
    if (threads) {
        closedir(threads);
    }
    return wants;
}

size_t castor_address_space(pid_t process) {
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)process);
    read_file(path, text, sizeof text);
    return strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

#define _GNU_SOURCE
#include "CWorker.h"
#include "Descriptors.h"
#include "Hello.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// Runs in the process that Parent.c starts, before main. Both are in Sources/Media/Workers.

/// Loads what decodes: afterwards no file can be opened.
void castor_decoder_prepare(void);
/// Decodes until nobody asks any more.
_Noreturn void castor_decoder_work(void);

size_t castor_worker_read(void *message, size_t capacity) {
    ssize_t n;
    do {
        n = read(SOCKET_FD, message, capacity);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        _exit(0);
    }
    return (size_t)n;
}

void castor_worker_write(const void *message, size_t count) {
    ssize_t n;
    do {
        n = write(SOCKET_FD, message, count);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)count) {
        _exit(1);
    }
}

// Small files and results have a place that stays.
static void *kept_input, *kept_output;

static void *map(int file, size_t count, int protection) {
    void *bytes = mmap(NULL, count, protection, MAP_SHARED | MAP_POPULATE, file, 0);
    return bytes == MAP_FAILED ? NULL : bytes;
}

static void *kept_or_map(void **kept, int file, size_t count, int protection) {
    if (!*kept) {
        *kept = map(file, CASTOR_WORKER_KEPT, protection);
    }
    return count <= CASTOR_WORKER_KEPT ? *kept : map(file, count, protection);
}

const void *castor_worker_map_input(size_t count) { return kept_or_map(&kept_input, INPUT_FD, count, PROT_READ); }

void *castor_worker_map_output(size_t count) {
    return kept_or_map(&kept_output, OUTPUT_FD, count, PROT_READ | PROT_WRITE);
}

void castor_worker_unmap(const void *bytes, size_t count) {
    if (bytes != kept_input && bytes != kept_output) {
        munmap((void *)bytes, count);
    }
}

/// Where memory runs out, this process goes before the one that asks.
static void go_first_without_memory(void) {
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        ssize_t n = write(file, "500", 3);
        (void)n;
        close(file);
    }
}

static void bound(int resource, rlim_t value) {
    struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    setrlimit(resource, &limit);
}

_Noreturn static void work_for(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(0);
    }
    castor_be_helper(CASTOR_WORKER_NAME, 0);
    go_first_without_memory();
    bound(RLIMIT_CORE, 0);
    bound(RLIMIT_FSIZE, 0);
    // A thread's own heap takes 64 MiB of address space, which is counted here.
    mallopt(M_ARENA_MAX, 1);
    castor_decoder_prepare();
    // Whatever libraries opened.
    syscall(SYS_close_range, OUTPUT_FD + 1, ~0U, 0);
    castor_hello hello = {.magic = CASTOR_HELLO_MAGIC, .sandbox = castor_sandbox_close(CASTOR_SANDBOX_DECODER, NULL)};
    castor_worker_write(&hello, sizeof hello);
    castor_decoder_work();
}

/// The program's arguments and environment are there before anything of it runs.
__attribute__((constructor)) static void castor_decoder(int count, char **arguments) {
    const char *parent = getenv(CASTOR_WORKER_VARIABLE);
    if (parent && count == 1 && strcmp(arguments[0], CASTOR_WORKER_NAME) == 0) {
        work_for((pid_t)atoi(parent));
    }
}

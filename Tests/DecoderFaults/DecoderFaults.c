#define _GNU_SOURCE
#include "DecoderFaults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SOCKET = 3, NAME = 32, TAIL = NAME + 8 + sizeof DECODER_FAULT_MARK - 1, SURELY_TOO_MUCH = 1024 };

typedef struct {
    const uint8_t *said;
    size_t size;
} speech;

static void end_by_abort(speech s) { (void)s, abort(); }

static void write_nowhere(speech s) { (void)s, *(volatile int *)8 = 1; }

static void end_without_a_word(speech s) { (void)s, _exit(0); }

static void work_for_ever(speech s) {
    (void)s;
    for (volatile unsigned i = 0;; i++) {
    }
}

static void wait_for_ever(speech s) {
    (void)s;
    for (;;) {
        nanosleep(&(struct timespec){.tv_sec = 1000}, NULL);
    }
}

/// 64 MiB at a time, each byte written.
static void eat_memory(speech s) {
    (void)s;
    // Volatile, so that no compiler does without.
    static char *volatile block;
    for (int i = 0; i < SURELY_TOO_MUCH; i++) {
        block = malloc(64 << 20);
        if (!block) {
            abort();
        }
        memset(block, 1, 64 << 20);
    }
    _exit(0);
}

/// Messages, each behind its size in 4 bytes.
static void speak(speech s) {
    while (s.size >= 4) {
        uint32_t size;
        memcpy(&size, s.said, 4);
        ssize_t n = write(SOCKET, s.said + 4, size);
        (void)n;
        s.said += 4 + size;
        s.size -= 4 + size;
    }
    wait_for_ever(s);
}

// What a decoder that was taken over would try. Whoever succeeds says so by its end, which is an answer that nobody expects.

static void succeeded_if(bool is_so) {
    if (is_so) {
        _exit(1);
    }
}

static void open_file(speech s) { (void)s, succeeded_if(open("/etc/passwd", O_RDONLY) >= 0); }
static void make_file(speech s) { (void)s, succeeded_if(open("/tmp/castor-fault", O_RDWR | O_CREAT, 0600) >= 0); }
static void make_code(speech s) {
    (void)s;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    succeeded_if(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
    succeeded_if(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}
static void raise_limits(speech s) {
    (void)s;
    struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};
    succeeded_if(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}
static void hide(speech s) {
    (void)s;
    // The mapping of the file and of the results are all that may be written to.
    succeeded_if(write(4, "x", 1) == 1 || write(5, "x", 1) == 1 || write(2, "x", 1) == 1);
}

static void open_socket(speech s) { (void)s, succeeded_if(socket(AF_INET, SOCK_STREAM, 0) >= 0); }
static void run_program(speech s) {
    (void)s;
    char *arguments[] = {(char *)"true", NULL};
    execve("/bin/true", arguments, NULL);
}
static void trace_parent(speech s) { (void)s, succeeded_if(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0); }
static void read_parent(speech s) {
    (void)s;
    succeeded_if(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) == 0);
}
static void make_process(speech s) { (void)s, succeeded_if(fork() >= 0); }
static void kill_parent(speech s) { (void)s, succeeded_if(kill(getppid(), 0) == 0); }
static void grow_results(speech s) { (void)s, succeeded_if(ftruncate(5, 1 << 20) == 0); }

static const struct {
    const char *name;
    void (*act)(speech);
} faults[] = {
    {"abort", end_by_abort},     {"address", write_nowhere}, {"exit", end_without_a_word}, {"loop", work_for_ever},
    {"wait", wait_for_ever},     {"memory", eat_memory},     {"say", speak},               {"open", open_file},
    {"make", make_file},         {"code", make_code},        {"limits", raise_limits},     {"write", hide},
    {"socket", open_socket},     {"execve", run_program},    {"ptrace", trace_parent},     {"read", read_parent},
    {"fork", make_process},      {"kill", kill_parent},      {"grow", grow_results},
};

int decoder_fault_landlock_version(void) {
    enum { CREATE_RULESET = 444, VERSION = 1 };
    return (int)syscall(CREATE_RULESET, NULL, 0, VERSION);
}

static void act_on(const uint8_t *bytes, size_t size) {
    size_t mark = sizeof DECODER_FAULT_MARK - 1;
    if (size < TAIL || memcmp(bytes + size - mark, DECODER_FAULT_MARK, mark) != 0) {
        return;
    }
    uint64_t said;
    memcpy(&said, bytes + size - mark - 8, 8);
    const char *name = (const char *)bytes + size - TAIL;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (strncmp(name, faults[i].name, NAME) == 0 && said <= size - TAIL) {
            faults[i].act((speech){.said = bytes + size - TAIL - said, .size = said});
        }
    }
}

// The two functions that a file's bytes come through.

typedef struct {
    int code, subcode;
    const char *message;
} heif_error;
typedef heif_error read_heif(void *context, const void *bytes, size_t size, const void *options);
static read_heif *real_read_heif;

static heif_error faulty_read_heif(void *context, const void *bytes, size_t size, const void *options) {
    act_on(bytes, size);
    return real_read_heif(context, bytes, size, options);
}

typedef int read_packet(void *opaque, uint8_t *buffer, int size);
typedef int64_t seek(void *opaque, int64_t offset, int whence);
typedef void *open_io(unsigned char *, int, int, void *, read_packet *, read_packet *, seek *);
static open_io *real_open_io;

static void *faulty_open_io(
    unsigned char *buffer, int size, int is_writing, void *opaque, read_packet *read, read_packet *write, seek *move) {
    enum { AVSEEK_SIZE = 0x10000 };
    int64_t count = move(opaque, 0, AVSEEK_SIZE);
    uint8_t *bytes = count > 0 ? malloc((size_t)count) : NULL;
    if (bytes) {
        read(opaque, bytes, (int)count);
        act_on(bytes, (size_t)count);
        move(opaque, 0, SEEK_SET);
        free(bytes);
    }
    return real_open_io(buffer, size, is_writing, opaque, read, write, move);
}

typedef void *find_symbol(void *library, const char *name);

static find_symbol *real_dlsym(void) {
    static find_symbol *found;
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.17"};
    for (size_t i = 0; !found && i < sizeof versions / sizeof *versions; i++) {
        found = (find_symbol *)dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    }
    return found;
}

/// The C library's, but for two functions in a process that decodes.
void *dlsym(void *restrict library, const char *restrict name) {
    void *symbol = real_dlsym()(library, name);
    if (!symbol || !getenv("CASTOR_DECODER")) {
        return symbol;
    }
    if (strcmp(name, "heif_context_read_from_memory_without_copy") == 0) {
        real_read_heif = (read_heif *)symbol;
        return (void *)faulty_read_heif;
    }
    if (strcmp(name, "avio_alloc_context") == 0) {
        real_open_io = (open_io *)symbol;
        return (void *)faulty_open_io;
    }
    return symbol;
}

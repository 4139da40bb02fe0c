#define _GNU_SOURCE
#include "include/Mapping.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/// What the handler looks through: it may not lock.
static struct {
    atomic_uintptr_t start, end;
    atomic_bool is_taken, is_cut;
} slots[CASTOR_MAPPINGS];

static struct sigaction before;
static uintptr_t page_size;

/// Puts zeros in the place of what is not there, from the page that was looked at to the end of the mapping.
static void fill(int signal, siginfo_t *information, void *context) {
    (void)context;
    int error = errno;
    uintptr_t address = (uintptr_t)information->si_addr;
    for (int slot = 0; information->si_code > 0 && slot < CASTOR_MAPPINGS; slot++) {
        uintptr_t start = atomic_load(&slots[slot].start), end = atomic_load(&slots[slot].end);
        if (address < start || address >= end) {
            continue;
        }
        uintptr_t page = address & ~(page_size - 1);
        atomic_store(&slots[slot].is_cut, true);
        // A system call and nothing else, so that it may stand in a handler.
        if (mmap((void *)page, end - page, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
            errno = error;
            return;
        }
    }
    // Not ours: it comes again, and to whoever had it before.
    sigaction(signal, &before, NULL);
    if (information->si_code <= 0) {
        raise(signal);
    }
    errno = error;
}

static void install(void) {
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction action = {.sa_sigaction = fill, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &before);
}

int castor_mapping_open(castor_mapping *mapping, int file, size_t size) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    for (int slot = 0; slot < CASTOR_MAPPINGS; slot++) {
        bool free = false;
        if (!atomic_compare_exchange_strong(&slots[slot].is_taken, &free, true)) {
            continue;
        }
        void *start = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
        if (start == MAP_FAILED) {
            int error = errno;
            atomic_store(&slots[slot].is_taken, false);
            return error;
        }
        atomic_store(&slots[slot].is_cut, false);
        atomic_store(&slots[slot].start, (uintptr_t)start);
        // To the end of its last page, which handlers fill whole.
        atomic_store(&slots[slot].end, ((uintptr_t)start + size + page_size - 1) & ~(page_size - 1));
        *mapping = (castor_mapping){.start = start, .size = size, .slot = slot};
        return 0;
    }
    return ENOMEM;
}

bool castor_mapping_is_cut(const castor_mapping *mapping) { return atomic_load(&slots[mapping->slot].is_cut); }

void castor_mapping_close(castor_mapping *mapping) {
    atomic_store(&slots[mapping->slot].end, 0);
    atomic_store(&slots[mapping->slot].start, 0);
    munmap((void *)mapping->start, mapping->size);
    atomic_store(&slots[mapping->slot].is_taken, false);
}

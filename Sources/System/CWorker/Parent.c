#define _GNU_SOURCE
#include "CWorker.h"
#include "Hello.h"
#include "Looking.h"
#include "Spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/// A descriptor of at least 10 in the place of this one, so that moving it to 3, 4 or 5 overwrites no other.
static int raised(int descriptor) {
    int higher = descriptor < 0 ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, 10);
    if (descriptor >= 0) {
        // A process that may not have that many is told of a wrong argument.
        int error = errno == EINVAL ? EMFILE : errno;
        close(descriptor);
        errno = error;
    }
    return higher;
}

static void close_all(const castor_worker *w) {
    const int all[] = {w->socket, w->input, w->output};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] >= 0) {
            close(all[i]);
        }
    }
}

static int open_all(castor_worker *w, int *other_end) {
    w->input = raised(memfd_create("castor-input", MFD_CLOEXEC));
    w->output = w->input < 0 ? -1 : raised(memfd_create("castor-output", MFD_CLOEXEC));
    int ends[2];
    if (w->output < 0 || ftruncate(w->input, CASTOR_WORKER_KEPT) != 0 || ftruncate(w->output, CASTOR_WORKER_KEPT) != 0
        || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return errno;
    }
    w->socket = ends[0];
    *other_end = raised(ends[1]);
    return *other_end < 0 ? errno : 0;
}

/// For loading libraries, in ms.
enum { STARTING = 60 * 1000 };

int castor_worker_start(castor_worker *w, const char *program, const char *extra) {
    *w = (castor_worker){.process = -1, .socket = -1, .input = -1, .output = -1};
    int other_end = -1;
    int error = open_all(w, &other_end);
    if (!error) {
        castor_spawn s = {
            .program = program, .extra = extra, .socket = other_end, .input = w->input, .output = w->output, .process = -1};
        error = castor_spawn_on_lasting_thread(&s);
        w->process = s.process;
        w->limit = STARTING;
    }
    if (other_end >= 0) {
        close(other_end);
    }
    if (error) {
        close_all(w);
    }
    return error;
}

bool castor_worker_is_hello(const void *message, size_t count, castor_sandbox *sandbox) {
    castor_hello hello;
    if (count != sizeof hello) {
        return false;
    }
    memcpy(&hello, message, count);
    *sandbox = hello.sandbox;
    return hello.magic == CASTOR_HELLO_MAGIC;
}

bool castor_worker_is_there(const castor_worker *w, bool met) {
    struct pollfd source = {.fd = w->socket, .events = POLLIN};
    int ready = poll(&source, 1, 0);
    return ready == 0 || (ready == 1 && !met && source.revents == POLLIN);
}

/// Between what is asked and what the process may have at most.
static void bound(pid_t process, __rlimit_resource_t resource, rlim_t value) {
    struct rlimit limit;
    if (prlimit(process, resource, NULL, &limit) == 0) {
        limit.rlim_cur = value < limit.rlim_max ? value : limit.rlim_max;
        prlimit(process, resource, &limit, NULL);
    }
}

int castor_worker_begin(castor_worker *w, const void *bytes, size_t count, double seconds, size_t memory) {
    if (w->address_space == 0) {
        w->address_space = castor_address_space(w->process);
    }
    w->limit = (int64_t)(seconds * 1000);
    w->begun = w->worked = castor_worked(w->process);
    w->begun_ns = castor_worked_ns(w->process);
    w->idle = 0;
    bound(w->process, RLIMIT_AS, w->address_space + memory);
    // The looks here are earlier, unless this process stands still.
    bound(w->process, RLIMIT_CPU, (rlim_t)((w->begun + w->limit) / 1000 + 2));
    w->input_size = count;
    for (size_t done = 0; done < count;) {
        ssize_t n = pwrite(w->input, (const char *)bytes + done, count - done, (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : ENOSPC;
        }
        done += (size_t)n;
    }
    return 0;
}

int castor_worker_set_room(castor_worker *w, size_t count) {
    w->room = count;
    return count <= CASTOR_WORKER_KEPT || ftruncate(w->output, (off_t)count) == 0 ? 0 : errno;
}

bool castor_worker_copy(castor_worker *w, size_t offset, void *bytes, size_t count) {
    w->results_end = offset + count > w->results_end ? offset + count : w->results_end;
    for (size_t done = 0; done < count;) {
        ssize_t n = pread(w->output, (char *)bytes + done, count - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

/// Overwrites the first `used` bytes, and drops what is behind those that are kept: the next file may be of somebody else, and shorter.
static void clear(int file, size_t used, bool is_longer) {
    static const char zeros[16 * 1024];
    size_t kept = used < CASTOR_WORKER_KEPT ? used : CASTOR_WORKER_KEPT;
    for (size_t done = 0; done < kept; done += sizeof zeros) {
        ssize_t n = pwrite(file, zeros, kept - done < sizeof zeros ? kept - done : sizeof zeros, (off_t)done);
        (void)n;
    }
    if (is_longer) {
        int result = ftruncate(file, CASTOR_WORKER_KEPT);
        (void)result;
    }
}

void castor_worker_clear(castor_worker *w) {
    clear(w->input, w->input_size, w->input_size > CASTOR_WORKER_KEPT);
    clear(w->output, w->results_end, w->room > CASTOR_WORKER_KEPT);
    w->input_size = w->room = w->results_end = 0;
}

bool castor_worker_send(castor_worker *w, const void *message, size_t count) {
    // It reads before it is asked again, so that there is room.
    return send(w->socket, message, count, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)count;
}

/// Nobody but the superuser could take it back.
static void give_way(castor_worker *w) {
    enum { STEP = 10 };
    w->gives_way = true;
    setpriority(PRIO_PGRP, (id_t)w->process, getpriority(PRIO_PROCESS, (id_t)w->process) + STEP);
}

/// Counts the time since the last look where nothing was done and nothing was to be done: a busy machine is not the file's fault.
static castor_worker_status look(castor_worker *w) {
    int64_t worked = castor_worked(w->process);
    if (worked == w->worked && !castor_wants_to_run(w->process)) {
        w->idle += CASTOR_WORKER_LOOK;
    }
    w->worked = worked;
    if (worked - w->begun > CASTOR_WORKER_SHORT && !w->gives_way) {
        give_way(w);
    }
    return worked - w->begun + w->idle > w->limit ? CASTOR_WORKER_TOO_SLOW : CASTOR_WORKER_WAITING;
}

castor_worker_status castor_worker_receive(castor_worker *w, void *message, size_t capacity, size_t *count) {
    struct pollfd source = {.fd = w->socket, .events = POLLIN};
    int ready = poll(&source, 1, CASTOR_WORKER_LOOK);
    if (ready == 0) {
        return look(w);
    }
    ssize_t n = ready < 0 ? -1 : recv(w->socket, message, capacity, MSG_TRUNC | MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return CASTOR_WORKER_WAITING;
    }
    if (n <= 0) {
        return CASTOR_WORKER_ENDED;
    }
    *count = (size_t)n;
    return (size_t)n > capacity ? CASTOR_WORKER_LIES : CASTOR_WORKER_OK;
}

bool castor_worker_was_stopped(const castor_worker *w) {
    char state = castor_state(w->process);
    return state == 'T' || state == 't' || castor_worked_ns(w->process) == w->begun_ns;
}

void castor_worker_end(castor_worker *w) {
    // It ends by itself before this, or by this.
    kill(w->process, SIGKILL);
    while (waitpid(w->process, NULL, 0) < 0 && errno == EINTR) {
    }
    close_all(w);
    *w = (castor_worker){.process = -1, .socket = -1, .input = -1, .output = -1};
}

int castor_worker_ending(castor_worker *w) {
    enum { PATIENCE = 2000, STEP = 5 };
    int status = 0;
    // A process that ends closes its socket shortly before it has ended.
    for (int ms = 0; ms < PATIENCE; ms += STEP) {
        if (waitpid(w->process, &status, WNOHANG) == w->process) {
            close_all(w);
            *w = (castor_worker){.process = -1, .socket = -1, .input = -1, .output = -1};
            return status;
        }
        poll(NULL, 0, STEP);
    }
    castor_worker_end(w);
    return 0;
}

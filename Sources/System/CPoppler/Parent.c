#define _GNU_SOURCE
#include "CPoppler.h"
#include "Protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct castor_pdf {
    pid_t process;
    int answers;
    int64_t limit; // ms
    int64_t idle; // ms in which it neither ran nor wanted to
    bool gives_way;
    const int32_t *cancelled;
    int max_side;
    int page_count;
    char message[MAX_MESSAGE + 1];
};

enum {
    LOOK = 100, // ms between two looks at a process that does not answer
    // After so many ms of work, whatever else wants the processor goes before it.
    SHORT = 1000,
    STEP = 10, // of niceness
};

/// Processor time that the process has had, in ms.
static int64_t worked(pid_t process) {
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &t) != 0) {
        return 0;
    }
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/// As in /proc/1/stat; 0 without.
static char state(pid_t process) {
    char path[32], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? 0 : read(file, text, sizeof text - 1);
    if (file >= 0) {
        close(file);
    }
    text[count > 0 ? count : 0] = 0;
    // The state stands behind the name, which may hold anything.
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[1] ? name_end[2] : 0;
}

/// Whether it runs, or would if a processor were free.
static bool wants_to_run(pid_t process) { return state(process) == 'R'; }

static castor_pdf_status not_started(castor_pdf *pdf, const char *what) {
    int error = errno;
    size_t n = (size_t)snprintf(pdf->message, sizeof pdf->message, "%s: %s", what, strerror(error));
    struct rlimit files;
    if (error == EMFILE && n < sizeof pdf->message && getrlimit(RLIMIT_NOFILE, &files) == 0) {
        snprintf(pdf->message + n, sizeof pdf->message - n, " (ulimit -n %llu)", (unsigned long long)files.rlim_cur);
    }
    return CASTOR_PDF_NOT_STARTED;
}

/// A descriptor of at least 10 in the place of this one, so that moving it to 3 or 4 overwrites no other.
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

static int document_file(const void *bytes, size_t count) {
    int file = raised(memfd_create("castor-pdf", MFD_CLOEXEC));
    size_t done = 0;
    while (file >= 0 && done < count) {
        ssize_t n = write(file, (const char *)bytes + done, count - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            int error = n < 0 ? errno : ENOSPC;
            close(file);
            errno = error;
            return -1;
        }
        done += (size_t)n;
    }
    return file;
}

extern char **environ;

/// What finds libraries and fonts, and the limits. `environment` has room for 9.
static void fill_environment(char **environment, char *limits) {
    static const char *const kept[] = {"HOME", "LD_LIBRARY_PATH", "FONTCONFIG_PATH", "FONTCONFIG_FILE",
                                       "TESSDATA_PREFIX"};
    size_t n = 0;
    environment[n++] = limits;
    environment[n++] = (char *)"LC_ALL=C.UTF-8";
    // Swift's runtime would hold a crashed child until its time is over, to take a backtrace that goes nowhere.
    environment[n++] = (char *)"SWIFT_BACKTRACE=enable=no";
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        size_t length = strlen(kept[i]);
        for (char **e = environ; e && *e; e++) {
            if (strncmp(*e, kept[i], length) == 0 && (*e)[length] == '=') {
                environment[n++] = *e;
                break;
            }
        }
    }
    environment[n] = NULL;
}

/// A program that links this code: the running one, unless the environment names another, for hosts such as a Python
/// interpreter that load it as a library.
static const char *worker_path(void) {
    const char *path = getenv("CASTOR_PDF_PROGRAM");
    return path && *path ? path : "/proc/self/exe";
}

static int spawn(castor_pdf *pdf, int document, int answers, char **environment) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) {
        return error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    // A group of its own: the terminal's Ctrl-C is the parent's to handle.
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    error = error ? error : posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    error = error ? error : posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    error = error ? error : posix_spawn_file_actions_adddup2(&actions, document, DOCUMENT_FD);
    error = error ? error : posix_spawn_file_actions_adddup2(&actions, answers, ANSWER_FD);
    error = error ? error : posix_spawn_file_actions_addclosefrom_np(&actions, ANSWER_FD + 1);
    char *arguments[] = {(char *)"castor-pdf", NULL};
    error = error ? error : posix_spawn(&pdf->process, worker_path(), &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static castor_pdf_status start(
    castor_pdf *pdf, const void *bytes, size_t count, const castor_pdf_limits *limits) {
    int document = document_file(bytes, count);
    if (document < 0) {
        return not_started(pdf, "a file in memory");
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        castor_pdf_status status = not_started(pdf, "a pipe");
        close(document);
        return status;
    }
    pdf->answers = ends[0];
    int answers = raised(ends[1]);
    char text[256];
    snprintf(
        text, sizeof text, CASTOR_PDF_VARIABLE "=%d %d %.17g %d %zu %d %d %d", limits->max_pages, limits->max_side,
        limits->dots_per_inch, (int)limits->seconds + 1, limits->memory, limits->recognise, limits->text_only,
        limits->first_page);
    char *environment[9];
    fill_environment(environment, text);
    errno = answers < 0 ? errno : spawn(pdf, document, answers, environment);
    int error = errno;
    close(document);
    if (answers >= 0) {
        close(answers);
    }
    errno = error;
    return error ? not_started(pdf, "a process") : CASTOR_PDF_OK;
}

castor_pdf_status castor_pdf_open(const void *bytes, size_t count, const castor_pdf_limits *limits, castor_pdf **pdf) {
    castor_pdf *p = calloc(1, sizeof *p);
    *pdf = p;
    if (!p) {
        return CASTOR_PDF_NOT_STARTED;
    }
    p->process = -1;
    p->answers = -1;
    p->max_side = limits->max_side;
    p->cancelled = limits->cancelled;
    p->limit = (int64_t)(limits->seconds * 1000);
    return start(p, bytes, count, limits);
}

/// One that ends closes its pipe shortly before it has ended; one that has only fallen silent is ended here, with status 0.
static int ending(pid_t process, struct rusage *usage) {
    enum { PATIENCE = 2000, STEP_MS = 5 };
    int status = 0;
    for (int ms = 0; ms < PATIENCE; ms += STEP_MS) {
        if (wait4(process, &status, WNOHANG, usage) == process) {
            return status;
        }
        poll(NULL, 0, STEP_MS);
    }
    kill(process, SIGKILL);
    while (wait4(process, NULL, 0, usage) < 0 && errno == EINTR) {
    }
    return 0;
}

/// Why nothing more comes. The kernel ends a process that works for too long, if it is earlier than the looks here.
static castor_pdf_status ended(castor_pdf *pdf) {
    struct rusage usage = {0};
    int status = ending(pdf->process, &usage);
    pdf->process = -1;
    int64_t ms = (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000
                 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
    if (ms >= pdf->limit) {
        return CASTOR_PDF_TOO_SLOW;
    }
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        return CASTOR_PDF_STOPPED;
    }
    snprintf(pdf->message, sizeof pdf->message, "it was ended by the system (signal %d)", SIGKILL);
    return CASTOR_PDF_ENDED;
}

/// Exactly `count` bytes, within the limit: of the process' own time, because a busy machine is not the document's fault.
static castor_pdf_status receive(castor_pdf *pdf, void *output, size_t count) {
    for (size_t done = 0; done < count;) {
        if (pdf->cancelled && __atomic_load_n(pdf->cancelled, __ATOMIC_RELAXED) != 0) {
            return CASTOR_PDF_STOPPED;
        }
        int64_t ms = worked(pdf->process);
        if (ms + pdf->idle > pdf->limit) {
            char now = state(pdf->process);
            if (now != 'T' && now != 't') {
                return CASTOR_PDF_TOO_SLOW;
            }
            snprintf(pdf->message, sizeof pdf->message, "it was stopped from outside");
            return CASTOR_PDF_ENDED;
        }
        if (ms > SHORT && !pdf->gives_way) {
            pdf->gives_way = true;
            setpriority(PRIO_PGRP, (id_t)pdf->process, getpriority(PRIO_PROCESS, (id_t)pdf->process) + STEP);
        }
        struct pollfd source = {.fd = pdf->answers, .events = POLLIN};
        int ready = poll(&source, 1, LOOK);
        if (ready == 0) {
            pdf->idle += wants_to_run(pdf->process) ? 0 : LOOK;
            continue;
        }
        ssize_t n = ready < 0 ? -1 : read(pdf->answers, (char *)output + done, count - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return ended(pdf);
        }
        done += (size_t)n;
    }
    return CASTOR_PDF_OK;
}

/// Nothing that the process says is believed: it may have been taken over by the document.
static bool plausible(const castor_pdf *pdf, const record *r) {
    return r->magic == RECORD_MAGIC && r->status >= CASTOR_PDF_OK && r->status <= CASTOR_PDF_NO_OCR
           && r->text_size <= (r->status == CASTOR_PDF_OK ? MAX_TEXT : MAX_MESSAGE)
           && (r->status != CASTOR_PDF_OK
               || (r->width > 0 && r->height > 0 && r->width <= pdf->max_side && r->height <= pdf->max_side));
}

castor_pdf_status castor_pdf_next(castor_pdf *pdf, castor_pdf_page *page) {
    record r;
    castor_pdf_status status = receive(pdf, &r, sizeof r);
    if (status != CASTOR_PDF_OK) {
        return status;
    }
    if (!plausible(pdf, &r)) {
        return CASTOR_PDF_STOPPED;
    }
    pdf->page_count = r.page_count;
    if (r.status != CASTOR_PDF_OK) {
        status = receive(pdf, pdf->message, r.text_size);
        pdf->message[status == CASTOR_PDF_OK ? r.text_size : 0] = 0;
        return (castor_pdf_status)r.status;
    }
    size_t size = (size_t)r.width * (size_t)r.height * 3;
    *page = (castor_pdf_page){.width = r.width, .height = r.height, .text_size = r.text_size};
    page->rgb = malloc(size);
    page->text = malloc(r.text_size + 1);
    status = page->rgb && page->text ? receive(pdf, page->rgb, size) : CASTOR_PDF_STOPPED;
    if (status == CASTOR_PDF_OK) {
        status = receive(pdf, page->text, r.text_size);
    }
    if (status != CASTOR_PDF_OK) {
        free(page->rgb);
        free(page->text);
        *page = (castor_pdf_page){0};
    }
    return status;
}

const char *castor_pdf_message(const castor_pdf *pdf) { return pdf ? pdf->message : ""; }

int castor_pdf_page_count(const castor_pdf *pdf) { return pdf->page_count; }

void castor_pdf_close(castor_pdf *pdf) {
    if (!pdf) {
        return;
    }
    if (pdf->answers >= 0) {
        close(pdf->answers);
    }
    if (pdf->process > 0) {
        kill(pdf->process, SIGKILL);
        while (waitpid(pdf->process, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    free(pdf);
}

// pdf-server WORKER DOCUMENT PROGRAM [ARGUMENT...]: runs the program, and renders its documents with Poppler loaded once.
//
// In use, each document has a process that loads Poppler, ten times what rendering a small page costs. Here the process that the
// program starts is WORKER, which hands the document on, and this server forks a child for it that does exactly what that process
// does (Sources/System/CPoppler/Child.c). The child dies with its worker, so that the program ends it as in use.
#define _GNU_SOURCE
#include "../../Sources/System/CPoppler/Poppler.h"
#include "../../Sources/System/CPoppler/Protocol.h"
#include "Address.h"
#include "SelfCheck.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// After Protocol.h's. The listening socket's number is the worker's connection in a child.
enum { SOCKET_FD = ANSWER_FD + 1, PROGRAM_FD };

_Noreturn static void fail(const char *what) {
    perror(what);
    exit(70);
}

static struct {
    unsigned long documents, faults;
} counts;

/// Once, here, what Poppler, Cairo and fontconfig would do anew in every child: a document drawn, and its text found. It stays
/// open: Poppler's tables of characters and fonts go with the last document.
static void warm_up(const uint8_t *bytes, size_t size) {
    const char *missing = castor_load_poppler();
    if (missing) {
        fprintf(stderr, "pdf-server: %s\n", missing);
        exit(70);
    }
    PopplerDocument *document = pp.poppler_document_new_from_bytes(pp.g_bytes_new_static(bytes, size), NULL, NULL);
    for (int i = 0; document && i < pp.poppler_document_get_n_pages(document); i++) {
        PopplerPage *page = pp.poppler_document_get_page(document, i);
        cairo_surface_t *surface = pp.cairo_image_surface_create(CAIRO_FORMAT_RGB24, 64, 64);
        cairo_t *cairo = pp.cairo_create(surface);
        pp.poppler_page_render(page, cairo);
        free(pp.poppler_page_get_text(page));
        pp.cairo_destroy(cairo);
        pp.cairo_surface_destroy(surface);
        pp.g_object_unref(page);
    }
}

/// In the forked child.
_Noreturn static void work(int connection, const int descriptors[2], const char *task) {
    dup2(descriptors[0], DOCUMENT_FD);
    dup2(descriptors[1], ANSWER_FD);
    dup2(connection, SOCKET_FD);
    close_range(SOCKET_FD + 1, ~0u, 0);
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++) {
        dup2(null, i);
    }
    close(null);
    // The worker's end closes the connection, and that sends SIGIO, which ends this process.
    fcntl(SOCKET_FD, F_SETOWN, getpid());
    fcntl(SOCKET_FD, F_SETFL, O_ASYNC);
    char end;
    if (recv(SOCKET_FD, &end, 1, MSG_DONTWAIT) == 0) {
        _exit(1);
    }
    castor_pdf_work(task);
}

/// One worker's document.
static void serve(int connection) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    char task[MAX_TASK + 1] = "";
    struct iovec text = {.iov_base = task, .iov_len = MAX_TASK};
    struct msghdr message = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
    // A worker may have been stopped before it asked.
    if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC) <= 0 || message.msg_controllen < sizeof control.bytes) {
        return;
    }
    int descriptors[2];
    memcpy(descriptors, CMSG_DATA(&control.header), sizeof descriptors);
    pid_t child = fork();
    if (child == 0) {
        work(connection, descriptors, task);
    }
    if (child < 0) {
        fail("pdf-server: fork");
    }
    counts.documents++;
    close(descriptors[0]);
    close(descriptors[1]);
}

static bool is_fault(int signal) {
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGFPE || signal == SIGILL;
}

static void count_end(int status) { counts.faults += WIFSIGNALED(status) && is_fault(WTERMSIG(status)); }

/// Until the program ends; its status.
static int serve_all(pid_t program) {
    struct pollfd sources[] = {{.fd = SOCKET_FD, .events = POLLIN}, {.fd = PROGRAM_FD, .events = POLLIN}};
    for (;;) {
        int status;
        for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
            if (ended == program) {
                for (int last; waitpid(-1, &last, 0) > 0;) {
                    count_end(last);
                }
                return status;
            }
            count_end(status);
        }
        poll(sources, 2, -1);
        int connection = sources[0].revents ? accept4(SOCKET_FD, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (connection >= 0) {
            serve(connection);
            close(connection);
        }
    }
}

/// Starts the program when the server listens at the address that the program's process id gives.
static pid_t start(char **program, const char *worker, const uint8_t *bytes, size_t size) {
    int listening[2];
    if (pipe2(listening, O_CLOEXEC) != 0) {
        fail("pdf-server: pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        // Without the server, every document would end like one that Poppler faults on, and nothing would show it.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(listening[1]);
        char end;
        while (read(listening[0], &end, 1) < 0 && errno == EINTR) {
        }
        check_same_answers(worker, bytes, size);
        setenv("CASTOR_PDF_PROGRAM", worker, 1);
        execvp(program[0], program);
        fail(program[0]);
    }
    struct sockaddr_un address;
    socklen_t address_size = server_address(&address, child);
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int process = child < 0 ? -1 : pidfd_open(child, 0);
    if (process < 0 || bind(server, (struct sockaddr *)&address, address_size) != 0 || listen(server, 16) != 0
        || dup3(server, SOCKET_FD, O_CLOEXEC) < 0 || dup3(process, PROGRAM_FD, O_CLOEXEC) < 0) {
        fail("pdf-server: start");
    }
    close(listening[0]);
    close(listening[1]);
    return child;
}

int main(int count, char **arguments) {
    // Descriptors 3 to 6 are taken, so that none that comes has their numbers.
    for (int i = DOCUMENT_FD; i <= PROGRAM_FD; i++) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup3(null, i, O_CLOEXEC);
    }
    int file = count < 4 ? -1 : open(arguments[2], O_RDONLY | O_CLOEXEC);
    off_t size = file < 0 ? 0 : lseek(file, 0, SEEK_END);
    uint8_t *bytes = size <= 0 ? MAP_FAILED : mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) {
        fprintf(stderr, "pdf-server WORKER DOCUMENT PROGRAM [ARGUMENT...]\n");
        return 64;
    }
    warm_up(bytes, (size_t)size);
    int status = serve_all(start(arguments + 3, arguments[1], bytes, (size_t)size));
    printf("pdf-server: %lu documents, %lu ended by a fault in Poppler\n", counts.documents, counts.faults);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

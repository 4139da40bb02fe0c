// What CASTOR_PDF_PROGRAM names while documents are fuzzed. Renders nothing: hands document, answer and limits to the server
// (Server.c), and ends when the server's child for them ends.
#include "../../Sources/System/CPoppler/Protocol.h"
#include "Address.h"
#include "Freestanding.h"

/// The value of CASTOR_PDF_VARIABLE; NULL where there is none.
static char *find_task(char **environment) {
    for (; *environment; environment++) {
        char *value = *environment;
        const char *name = CASTOR_PDF_VARIABLE "=";
        while (*name && *value == *name) {
            value++;
            name++;
        }
        if (!*name) {
            return value;
        }
    }
    return NULL;
}

static int run(char **environment) {
    char *task = find_task(environment);
    struct sockaddr_un address;
    socklen_t size = server_address(&address, (pid_t)system_call(SYS_getppid, 0, 0, 0));
    long server = system_call(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!task || system_call(SYS_connect, server, (long)&address, size) != 0) {
        return 1;
    }
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(2 * sizeof(int))}};
    int *descriptors = (int *)(void *)CMSG_DATA(&control.header);
    descriptors[0] = DOCUMENT_FD;
    descriptors[1] = ANSWER_FD;
    struct iovec text = {.iov_base = task};
    while (task[text.iov_len++]) {
    }
    struct msghdr message = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
    if (system_call(SYS_sendmsg, server, (long)&message, MSG_NOSIGNAL) < 0) {
        return 1;
    }
    // The answer ends where its last writer does, and that is the child.
    system_call(SYS_close, ANSWER_FD, 0, 0);
    char end;
    return system_call(SYS_read, server, (long)&end, 1) == 0 ? 0 : 1;
}

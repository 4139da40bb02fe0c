// What CASTOR_PDF_PROGRAM names while documents are fuzzed. Renders nothing: hands document, answer and limits to the server
// (Server.c), and ends when the server's child for them ends. Linked statically, it starts in 0.3 ms.
#include "../../Sources/System/CPoppler/Protocol.h"
#include "Address.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    const char *task = getenv(CASTOR_PDF_VARIABLE);
    struct sockaddr_un address;
    socklen_t size = server_address(&address, getppid());
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!task || connect(server, (struct sockaddr *)&address, size) != 0) {
        return 1;
    }
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(2 * sizeof(int))}};
    memcpy(CMSG_DATA(&control.header), (int[]){DOCUMENT_FD, ANSWER_FD}, 2 * sizeof(int));
    struct iovec text = {.iov_base = (void *)task, .iov_len = strlen(task) + 1};
    struct msghdr message = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
    if (sendmsg(server, &message, MSG_NOSIGNAL) < 0) {
        return 1;
    }
    // The answer ends where its last writer does, and that is the child.
    close(ANSWER_FD);
    char end;
    return read(server, &end, 1) == 0 ? 0 : 1;
}

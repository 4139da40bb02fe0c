// Where a worker finds its server.
#pragma once

#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum { MAX_TASK = 256 }; // bytes of the limits, as Parent.c writes them

/// The abstract socket of the program that has process id `program`: a worker knows no more of its server than who started it.
static inline socklen_t server_address(struct sockaddr_un *address, pid_t program) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    // The leading zero byte says that it is no file.
    int length = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "castor-pdf-%d", (int)program);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

// Where a worker finds its server.
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum { MAX_TASK = 256 }; // bytes of the limits, as Parent.c writes them

/// The abstract socket of the program that has process id `program`: a worker knows no more of its server than who started it.
/// Without the C library, because the worker has none.
static inline socklen_t server_address(struct sockaddr_un *address, pid_t program) {
    address->sun_family = AF_UNIX;
    char *end = address->sun_path;
    *end++ = 0; // it is no file
    for (const char *name = "castor-pdf-"; *name; name++) {
        *end++ = *name;
    }
    for (; program > 0; program /= 10) {
        *end++ = (char)('0' + program % 10);
    }
    return (socklen_t)(end - (char *)address);
}

#define _GNU_SOURCE
#include "CWorker.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/// Of the process's first thread, which is what somebody gave the program. False where it is not to be had.
static bool niceness(pid_t process, int *value) {
    errno = 0;
    *value = getpriority(PRIO_PROCESS, (id_t)process);
    return errno == 0;
}

void castor_be_helper(const char *name, int more) {
    prctl(PR_SET_NAME, name);
    int own = 0, parents = 0;
    niceness(0, &own);
    // The thread that started this process may have another than the program.
    if (niceness(getppid(), &parents) && parents > own) {
        own = parents;
    }
    setpriority(PRIO_PROCESS, 0, own + more);
}

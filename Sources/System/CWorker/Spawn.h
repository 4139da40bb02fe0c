#pragma once

#include "CWorker.h"

typedef struct {
    const char *program;
    const char *extra; // of the environment; may be null
    int socket, input, output; // each above those that the worker sees them as
    pid_t process; // the result
    int error;
    bool is_done;
} castor_spawn;

/// Starts a worker, which lives no longer than this process; 0 or an errno.
int castor_spawn_on_lasting_thread(castor_spawn *spawn);

#define _GNU_SOURCE
#include "Spawn.h"

#include "Descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/// What finds libraries and fonts, and whose child it is. `environment` has room for 8.
static void fill_environment(char **environment, char *parent, char *extra) {
    static const char *const kept[] = {"HOME", "LD_LIBRARY_PATH"};
    size_t n = 0;
    environment[n++] = parent;
    environment[n++] = (char *)"LC_ALL=C.UTF-8";
    // Swift's runtime would hold a crashed worker until its time is over, to take a backtrace that goes nowhere.
    environment[n++] = (char *)"SWIFT_BACKTRACE=enable=no";
    if (extra) {
        environment[n++] = extra;
    }
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

static int add_actions(posix_spawn_file_actions_t *actions, const castor_spawn *s) {
    int error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    error = error ? error : posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
    error = error ? error : posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
    error = error ? error : posix_spawn_file_actions_adddup2(actions, s->socket, SOCKET_FD);
    error = error ? error : posix_spawn_file_actions_adddup2(actions, s->input, INPUT_FD);
    error = error ? error : posix_spawn_file_actions_adddup2(actions, s->output, OUTPUT_FD);
    return error ? error : posix_spawn_file_actions_addclosefrom_np(actions, OUTPUT_FD + 1);
}

static int spawn(castor_spawn *s) {
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
    char parent[64];
    snprintf(parent, sizeof parent, CASTOR_WORKER_VARIABLE "=%d", (int)getpid());
    char *environment[8];
    fill_environment(environment, parent, (char *)s->extra);
    char *arguments[] = {(char *)CASTOR_WORKER_NAME, NULL};
    error = add_actions(&actions, s);
    error = error ? error : posix_spawn(&s->process, s->program, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

// A process is told when the thread that started it ends, and not the process: so one thread starts them all, and stays.

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static castor_spawn *wanted; // guarded by the lock
static bool is_running;      // as well

_Noreturn static void *spawn_for_ever(void *nothing) {
    (void)nothing;
    pthread_mutex_lock(&lock);
    for (;;) {
        if (!wanted || wanted->is_done) {
            pthread_cond_wait(&change, &lock);
            continue;
        }
        wanted->error = spawn(wanted);
        wanted->is_done = true;
        pthread_cond_broadcast(&change);
    }
}

static int start_thread(void) {
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error) {
        return error;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    error = pthread_create(&thread, &attributes, spawn_for_ever, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

int castor_spawn_on_lasting_thread(castor_spawn *s) {
    pthread_mutex_lock(&lock);
    int error = is_running ? 0 : start_thread();
    is_running = error == 0;
    while (!error && wanted) {
        pthread_cond_wait(&change, &lock);
    }
    if (!error) {
        wanted = s;
        pthread_cond_broadcast(&change);
        while (!s->is_done) {
            pthread_cond_wait(&change, &lock);
        }
        wanted = NULL;
        pthread_cond_broadcast(&change);
        error = s->error;
    }
    pthread_mutex_unlock(&lock);
    return error;
}

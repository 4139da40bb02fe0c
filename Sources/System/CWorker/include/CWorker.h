// Processes that decode files for another: how they are started and bounded, how they shut themselves in, and what both say to each
// other. The process is the running program once more, started by path with an environment variable that makes it decode and end
// before its `main`, so that it needs no second program to be installed.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What a process shuts itself out from.

typedef enum {
    CASTOR_SANDBOX_DECODER,  // opens nothing: all it reads and writes is memory that it was given
    CASTOR_SANDBOX_DOCUMENT, // reads fonts and the like
} castor_sandbox_profile;

/// What holds; without a kernel that has it, the rest.
typedef struct {
    int landlock;      // the kernel's version of it, 0 without
    bool system_calls; // whether those that are not needed are refused
} castor_sandbox;

/// For good. `folders` are those that may be read, each with what is below it; a null pointer ends them.
castor_sandbox castor_sandbox_close(castor_sandbox_profile profile, const char *const *folders);

// The side that asks.

typedef enum {
    CASTOR_WORKER_OK = 0,
    CASTOR_WORKER_WAITING,  // nothing yet: ask again
    CASTOR_WORKER_ENDED,    // castor_worker_end says how
    CASTOR_WORKER_TOO_SLOW,
    CASTOR_WORKER_LIES,     // a message longer than any
} castor_worker_status;

typedef struct {
    pid_t process;
    int socket;
    int input, output;    // memory files
    size_t address_space; // bytes, before the first file
    size_t input_size;    // of the file at hand
    size_t room;          // for its results
    size_t results_end;   // of what was copied from them
    // Of the file at hand, in ms
    int64_t limit;
    int64_t begun;  // processor time before it
    int64_t worked; // processor time at the last look
    int64_t idle;   // in which it neither worked nor wanted to
    int64_t begun_ns; // as begun, in ns
    bool gives_way; // for good: others go before it since a file that took long
} castor_worker;

enum {
    // Of a file and of results, so many bytes stay in memory: getting pages anew costs more than small files do.
    CASTOR_WORKER_KEPT = 1 << 20,
    CASTOR_WORKER_MAX_MESSAGE = 60 * 1024,
    CASTOR_WORKER_LOOK = 50, // ms between two looks at a worker that does not answer
    CASTOR_WORKER_SHORT = 1000, // ms of work on a file, after which whatever else wants the processor goes before it
};

/// Starts a process of `program`; 0, or an errno and nothing is left behind. `extra` goes into its environment, unless null.
int castor_worker_start(castor_worker *worker, const char *program, const char *extra);

/// Whether a message is a worker's first one, before it has seen a file, and what it has shut itself out from.
bool castor_worker_is_hello(const void *message, size_t count, castor_sandbox *sandbox);

/// Whether it has not ended, and, once it has been `met`, is silent.
bool castor_worker_is_there(const castor_worker *worker, bool met);

/// Puts the file's bytes where the worker reads them and bounds what it may do with them: seconds that it works, or waits for
/// anything but a processor, and bytes of address space beside what it has. 0 or an errno.
int castor_worker_begin(castor_worker *worker, const void *bytes, size_t count, double seconds, size_t memory);

/// Room for results, in bytes: none beyond it exists. 0 or an errno.
int castor_worker_set_room(castor_worker *worker, size_t count);

/// Copies from the results; false where there are not that many.
bool castor_worker_copy(castor_worker *worker, size_t offset, void *bytes, size_t count);

/// Takes away the file and the results.
void castor_worker_clear(castor_worker *worker);

/// False if nobody is there to read it.
bool castor_worker_send(castor_worker *worker, const void *message, size_t count);

/// Waits for a message for CASTOR_WORKER_LOOK ms.
castor_worker_status castor_worker_receive(castor_worker *worker, void *message, size_t capacity, size_t *count);

/// Of one that is too slow: whether it was stopped from outside, or has not worked on the file at all.
bool castor_worker_was_stopped(const castor_worker *worker);

/// Ends the process, whatever it does.
void castor_worker_end(castor_worker *worker);

/// Of one that has ended: the status that waitpid gives. One that has only fallen silent is ended: 0.
int castor_worker_ending(castor_worker *worker);

// The worker's side.

/// Gives the process its name, of 15 characters at most, and the niceness of its parent's program, if that is more than its own, and `more` of it.
void castor_be_helper(const char *name, int more);

/// The next message's size; ends the process when there is none.
size_t castor_worker_read(void *message, size_t capacity);
void castor_worker_write(const void *message, size_t count);

/// The file's `count` bytes, to read alone. Null where there is no memory.
const void *castor_worker_map_input(size_t count);
/// Room for all results, `count` bytes. Null where there is no memory.
void *castor_worker_map_output(size_t count);
/// After either.
void castor_worker_unmap(const void *bytes, size_t count);

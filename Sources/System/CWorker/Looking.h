#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Processor time that a process has had, in ms.
int64_t castor_worked(pid_t process);
int64_t castor_worked_ns(pid_t process);

/// As in /proc/1/stat, such as T where it was stopped; 0 without.
char castor_state(pid_t process);

/// Whether a thread of it runs, or would if a processor were free.
bool castor_wants_to_run(pid_t process);

/// Bytes of address space in use.
size_t castor_address_space(pid_t process);

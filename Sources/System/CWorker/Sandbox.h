#pragma once

#include "CWorker.h"

/// The kernel's version of Landlock, which refuses files and connections from here on; 0 where it has none.
int castor_sandbox_landlock(const char *const *folders);

/// Whether the kernel refuses the system calls that the profile does not need from here on.
bool castor_sandbox_system_calls(castor_sandbox_profile profile);

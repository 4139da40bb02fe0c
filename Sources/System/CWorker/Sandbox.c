#include "Sandbox.h"

#include <sys/prctl.h>

castor_sandbox castor_sandbox_close(castor_sandbox_profile profile, const char *const *folders) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    // No other process of this user can look into it.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    castor_sandbox sandbox = {.landlock = castor_sandbox_landlock(folders)};
    sandbox.system_calls = castor_sandbox_system_calls(profile);
    return sandbox;
}

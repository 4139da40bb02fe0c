"""Ends what stands still, by what processes do and never by a clock: the machine may be busy, and what waits for a processor is runnable.

A look finds this process and all that it started idle where none of their threads, but the one that looks, is running, runnable or waiting for a
disk, and their processor time has hardly advanced since the look before. Sixty idle looks in a row, a second apart, are a standstill: whoever waits
would wait for ever. Then every thread's stack is shown and all that was started is killed, so that what waits fails.
"""

import faulthandler
import os
import pathlib
import signal
import sys
import threading
import time

LOOKS = 60
SECONDS = 1
# Of processor time, 10 ms each, that an idle process may spend between two looks: on timers, and on being asked how far it is.
IDLE_TICKS = 2
_begun = threading.Lock()


def watch():
    """Begins to look, once for this process."""
    if _begun.acquire(blocking=False):
        threading.Thread(target=_look, daemon=True).start()


def pause(start):
    """Waits before something is asked again: a thirtieth of the time since the first question, so that asking is not the work."""
    time.sleep(min(1, max(0.005, (time.monotonic() - start) / 30)))


def _look():
    idle, last = 0, 0
    while True:
        time.sleep(SECONDS)
        family, ticks = _family()
        idle = 0 if abs(ticks - last) > IDLE_TICKS or any(map(_has_work, family)) else idle + 1
        last = ticks
        if idle >= LOOKS:
            idle = 0
            print("a standstill: nothing that runs here does anything any more", file=sys.__stderr__, flush=True)
            faulthandler.dump_traceback(sys.__stderr__)
            for process in family[1:]:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if len(family) == 1:
                os._exit(1)


def _stat(path):
    """The fields after the name, which may hold anything; none where the process is gone."""
    try:
        return pathlib.Path(path).read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _family():
    """This process, first, all that it started, and those; and their ticks, with those of children that have ended."""
    stats = {int(name): fields for name in os.listdir("/proc") if name.isdigit() and (fields := _stat(f"/proc/{name}/stat"))}
    found = [os.getpid()]
    for process in found:
        found += [child for child, fields in stats.items() if int(fields[1]) == process]
    return found, sum(int(ticks) for process in found for ticks in stats.get(process, [])[11:15])


def _has_work(process):
    own = f"{os.getpid()}/task/{threading.get_native_id()}"
    try:
        threads = os.listdir(f"/proc/{process}/task")
    except OSError:
        return False
    return any(_stat(f"/proc/{process}/task/{thread}/stat")[:1] in (["R"], ["D"])
               for thread in threads if f"{process}/task/{thread}" != own)

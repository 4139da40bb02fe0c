"""Whether a process and those that it started do anything: by the processor time that they spend, not by a clock alone."""

import os

# Between two looks.
LOOK_SECONDS = 1
# Of processor time, 10 ms each, that an idle process may spend between two looks.
IDLE_TICKS = 2


class Watch:
    """Looks at a process each time it is asked."""

    def __init__(self, process, seconds):
        self.process = process
        self.seconds = seconds
        self._idle = 0
        self._ticks = -1

    def stands_still(self):
        """Whether it has been idle at so many looks in a row. Whoever asks does so once in LOOK_SECONDS, and not while there are answers."""
        ticks, is_at_work = _family(self.process)
        self._idle = 0 if is_at_work or ticks > self._ticks + IDLE_TICKS else self._idle + 1
        self._ticks = ticks
        return self._idle * LOOK_SECONDS >= self.seconds


def _family(process):
    """Ticks of a process and of all below it, and whether one of them runs, may run or waits for a disk."""
    stats = {int(name): fields for name in os.listdir("/proc") if name.isdigit() and (fields := _stat(f"/proc/{name}/stat"))}
    found = [process]
    for one in found:
        found += [child for child, fields in stats.items() if int(fields[1]) == one]
    ticks = sum(int(tick) for one in found for tick in stats.get(one, [])[11:15])
    return ticks, any(_is_at_work(one) for one in found)


def _is_at_work(process):
    try:
        threads = os.listdir(f"/proc/{process}/task")
    except OSError:
        return False
    return any(_stat(f"/proc/{process}/task/{thread}/stat")[:1] in (["R"], ["D"]) for thread in threads)


def _stat(path):
    """The fields behind the name, which may hold anything; none where the process is gone."""
    try:
        with open(path, errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []

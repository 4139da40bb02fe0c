"""`castor embed --batch -` as a filter: rows in, their answers out, in order, whatever becomes of the process between.

A process that ends before its last answer, that answers what is no answer, or that neither answers nor works is started once more, with the
first row that has no answer. If that ends so, too, ProcessEnded is raised, unless rows are to be tried alone.
"""

import collections
import queue
import re
import subprocess
import threading
import typing

import numpy
import orjson

from . import standstill

# What may be sent ahead of the answers. castor takes 256 lines, or 256 KiB of them, before it computes the first: there are always the next ones.
WINDOW_ROWS = 1024
WINDOW_BYTES = 64 << 20
# castor embed --batch refuses a longer line without a look at its key. Before the request stands ours. (Here, for this module wants no Arrow.)
MAX_LINE_BYTES = 100_000_000
MAX_REQUEST_BYTES = MAX_LINE_BYTES - 64
RESTARTS = 1
# A row that ended so many processes in which it was alone is given up.
TRIES_ALONE = 2
# If so many rows in a row are given up, it is not theirs.
MOST_GIVEN_UP = 8
# Exit statuses that say that no row is at fault: wrong usage, no such model, no OpenBLAS or memory.
HOPELESS = {64, 66, 69, 127}


class ProcessEnded(Exception):
    """The filter has ended, or had to be ended, before its last answer."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class Answer(typing.NamedTuple):
    # f32.
    vector: numpy.ndarray | None
    usage: dict | None
    # code, status and message; None where there is a vector.
    error: dict | None


def problem(message, code=400, status="INVALID_ARGUMENT"):
    return Answer(None, None, {"code": code, "status": status, "message": message})


def answers(command, folder, rows, stall_seconds=300, tries_alone=False, note=lambda text: None):
    """(row, answer) for each row, in order.

    `tries_alone` when nobody tries these rows again: then each row that was under way when the process ended twice has a process of its own, and
    one that ends those is given up, with an error, so that it does not hold up all others.
    """
    flight = _Flight(rows)
    restarts = given_up = 0
    while True:
        try:
            for pair in _run(command, folder, flight, stall_seconds):
                given_up = 0
                yield pair
            return
        except ProcessEnded as ended:
            note(f"{ended}; {len(flight.waiting)} rows had no answer")
            restarts += 1
            if restarts <= RESTARTS:
                continue
            if not tries_alone or ended.status in HOPELESS or not flight.waiting:
                raise
        restarts = 0
        for row in list(flight.waiting):
            answer = _alone(command, folder, row, stall_seconds)
            given_up = given_up + 1 if answer.error and answer.error["code"] == 500 else 0
            if given_up >= MOST_GIVEN_UP:
                raise ProcessEnded(f"{given_up} rows in a row ended a process each, the last with key {row.key!r}")
            flight.waiting.popleft()
            yield row, answer


def _alone(command, folder, row, stall_seconds):
    if row.request is None:
        return problem(row.problem)
    for _ in range(TRIES_ALONE):
        try:
            return next(_run(command, folder, _Flight([row]), stall_seconds))[1]
        except ProcessEnded as ended:
            if ended.status in HOPELESS:
                raise
    return problem("given up: castor ended each time it embedded this row", 500, "INTERNAL")


class _Flight:
    """Rows that have no answer yet, in order, and those that come behind them."""

    def __init__(self, rows):
        self.rows = iter(rows)
        self.waiting = collections.deque()
        self.number = 0

    def next(self):
        """The next row, which waits from now on; None behind the last."""
        row = next(self.rows, None)
        if row is None:
            return None
        if row.request is not None and len(row.request) > MAX_REQUEST_BYTES:
            row = row._replace(request=None, problem=f"as a line of JSON the request is longer than {MAX_LINE_BYTES} bytes")
        self.waiting.append(row)
        return row


def _run(command, folder, flight, stall_seconds):
    """(row, answer) until all have one: one process."""
    process = _Process(command, folder, stall_seconds)
    try:
        sent = collections.deque()
        sent_bytes = number = 0
        again = collections.deque(flight.waiting)
        is_over = False
        while True:
            # Rows that it is not given do not count: it would wait for more of them, and they for it.
            while not is_over and len(sent) < WINDOW_ROWS and sent_bytes < WINDOW_BYTES:
                row = again.popleft() if again else flight.next()
                if row is None:
                    is_over = True
                    process.send(None)
                elif row.request is not None:
                    line = b'{"key":"%d","request":%b}\n' % (number, row.request)
                    sent.append((number, len(line)))
                    sent_bytes += len(line)
                    number += 1
                    process.send(line)
            if not flight.waiting:
                process.finish()
                return
            row = flight.waiting[0]
            if row.request is None:
                answer = problem(row.problem)
            else:
                answer = process.receive(str(sent[0][0]), row)
                sent_bytes -= sent.popleft()[1]
            flight.waiting.popleft()
            yield row, answer
    finally:
        process.end()


class _Process:
    """One process, with a thread for each of its streams: whoever only writes, or only reads, stands still when a pipe is full."""

    def __init__(self, command, folder, stall_seconds):
        try:
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError as error:
            raise ProcessEnded(f"{command[0]}: {error.strerror}", 127) from None
        self.name = command[0]
        self.watch = standstill.Watch(self.process.pid, stall_seconds)
        self.lines = queue.Queue()
        self.replies = queue.Queue(64)
        # The first line says what is wrong, the last ones what became of it.
        self.first_said, self.said = [], collections.deque(maxlen=4)
        self.is_ending = False
        threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._read, self._listen)]
        for thread in threads:
            thread.start()
        self.listener = threads[-1]

    def send(self, line):
        """A line for the process; None ends its input."""
        self.lines.put(line)

    def receive(self, key, row):
        line = self._next()
        if not line:
            raise self._ended(f"ended with status {self.process.wait()} before the answer to key {row.key!r}")
        try:
            return _parse(line, key)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._ended(f"answered key {row.key!r} with what is no answer to it: {line[:80]!r}") from None

    def finish(self):
        """All have their answers."""
        if line := self._next():
            raise self._ended(f"answered more than it was asked: {line[:80]!r}")
        if status := self.process.wait():
            raise self._ended(f"ended with status {status} behind its last answer")

    def end(self):
        self.is_ending = True
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.lines.put(None)

    def _next(self):
        while True:
            try:
                return self.replies.get(timeout=standstill.LOOK_SECONDS)
            except queue.Empty:
                if self.watch.stands_still():
                    raise self._ended(f"stood still for {self.watch.seconds} s") from None

    def _ended(self, what):
        self.end()
        # What it said last may be under way. Not for ever: a process that it started may hold the stream.
        self.listener.join(1)
        said = "; ".join([*self.first_said, *self.said])
        return ProcessEnded(f"{self.name} {what}{': ' + said if said else ''}", self.process.returncode)

    def _write(self):
        try:
            with self.process.stdin as stream:
                while (line := self.lines.get()) is not None:
                    stream.write(line)
                    if self.lines.empty():
                        stream.flush()
        except (OSError, ValueError):
            # It has ended, which whoever reads finds out.
            pass

    def _read(self):
        with self.process.stdout as stream:
            for line in stream:
                self._reply(line)
        self._reply(b"")

    def _reply(self, line):
        while not self.is_ending:
            try:
                return self.replies.put(line, timeout=1)
            except queue.Full:
                continue

    def _listen(self):
        with self.process.stderr as stream:
            for line in stream:
                text = line.decode(errors="replace").strip()[:300]
                # Where to read on is no reason.
                if text and not text.startswith(("Usage:", "See '", "Help:")):
                    (self.said if self.first_said else self.first_said).append(text)


def _parse(line, key):
    """What a line of output says; any of several errors where it is no answer to the line with this key."""
    value = orjson.loads(line)
    if value["key"] != key or not line.endswith(b"\n"):
        raise ValueError
    if "error" in value:
        error = value["error"]
        # Its number counts what this process was sent, not what stands in a file.
        message = re.sub(r"^line \d+: ", "", str(error["message"]))
        return Answer(None, None, {"code": int(error["code"]), "status": str(error["status"]), "message": message})
    response = value["response"]
    vector = numpy.array(response["embedding"]["values"], dtype=numpy.float32)
    if vector.ndim != 1 or not len(vector) or not numpy.isfinite(vector).all():
        raise ValueError
    return Answer(vector, response.get("usageMetadata"), None)

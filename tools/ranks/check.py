#!/usr/bin/env python3
"""Shows what training on several processes promises: the same losses as one process; what a stop, a killed rank and a killed mpirun leave; going on with
another number of ranks; and that ranks which do not have the same refuse to train.

    python3 tools/ranks/check.py PROGRAM                 1,200 pairs of texts made here, two ranks of one thread beside one rank of two threads
    python3 tools/ranks/check.py PROGRAM --pairs 5000 --batch 256

PROGRAM is a castor built with the trait MPI. Losses and times are those of castor-small, all else is shown with castor-nano. Ends with 1 where something does
not hold.
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SAME = 1e-5
"""Losses of a step may differ by this share in the first steps; later rounding grows with the weights that came of it."""
GROWN = 1e-2
FIRST = 3
ROOT = pathlib.Path(__file__).resolve().parents[2]
NANO, SMALL = ROOT / "Tests/Fixtures/castor-nano", ROOT / "weights/castor-small"
ENDLESS = ["--set", "stages[0].epochs=1000000", "--set", "evaluation.every=1000000000"]
PATIENCE = 600
"""Seconds within which all has to have ended that is to end."""
GRACE = 5
"""Seconds from a signal to mpirun to its SIGTERM to the ranks, and from there to SIGKILL; mpirun's own choice is 1, which a busy machine needs for less."""
NOUNS = "house river garden letter train winter teacher market bridge song kitchen island doctor forest window summer engine harbour village mountain".split()
VERBS = "opens crosses repairs paints forgets measures visits carries describes sells follows hides counts breaks finds cleans".split()
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1", "--mca", "odls_base_sigkill_timeout", str(GRACE)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("castor")
    parser.add_argument("--pairs", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--only", action="append", help="one of the parts: " + ", ".join(Check.parts))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        check = Check(pathlib.Path(folder), arguments)
        try:
            for part in arguments.only or Check.parts:
                print(part.replace("_", " "), flush=True)
                getattr(check, part)()
        finally:
            check.end_all()
    print("All of it holds." if not check.failures else f"{check.failures} do not hold.")
    sys.exit(bool(check.failures))


class Run:
    """A training that was started, in a group of processes of its own."""

    def __init__(self, command, folder, output, ranks):
        environment = dict(os.environ, OMPI_MCA_rmaps_base_oversubscribe="1")
        self.output, self.ranks, self.errors = folder / output, ranks, folder / f"{output}.{time.monotonic_ns()}.errors"
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)

    def lines(self, kind="step"):
        try:
            text = (self.output / "metrics.jsonl").read_text()
        except FileNotFoundError:
            return []
        return [line for line in map(json.loads, text[: text.rfind("\n") + 1].splitlines()) if line["type"] == kind]

    def wait_for_steps(self, count):
        # A process that makes no step ends, or is ended by who started this.
        while len(self.lines()) < count and self.process.poll() is None:
            time.sleep(0.05)
        return self

    def processes(self):
        """Of the ranks, in their order."""
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        return sorted(map(int, children), key=lambda child: re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", pathlib.Path(f"/proc/{child}/environ").read_bytes())[1])

    def signal(self, number):
        self.process.send_signal(number)
        return self

    def end(self):
        """(status, what it said); None for a status when it does not end."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            status = None
        return status, self.errors.read_text()

    def kill(self):
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        for process in [*map(int, children), self.process.pid]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


class Check:
    parts = ["same_losses", "a_killed_rank", "stops", "killed_while_it_writes", "a_killed_mpirun", "more_ranks_than_contents", "ranks_that_differ", "a_folder_in_use"]

    def __init__(self, folder, arguments):
        self.folder, self.castor, self.batch, self.failures, self.runs = folder, os.path.abspath(arguments.castor), arguments.batch, 0, []
        self.pairs = self.made(arguments.pairs, 1)
        (folder / "pairs.tsv").write_text("".join(self.pairs))

    @staticmethod
    def made(count, seed):
        chance = random.Random(seed)
        lines = set()
        while len(lines) < count:
            a, b, verb = chance.choice(NOUNS), chance.choice(NOUNS), chance.choice(VERBS)
            number = chance.randrange(1000)
            lines.add(f"who {verb} the {a} near {b} {number}\tthe {b} of {number} {verb} a {a}\n")
        return sorted(lines)

    def says(self, what, holds, errors=""):
        print(f"  {'yes' if holds else 'NO '}  {what}", flush=True)
        if not holds and errors:
            print(errors[-4000:], flush=True)
        self.failures += not holds

    def train(self, output, *more, data=None, model=NANO, threads=1):
        """The command of a process."""
        return [self.castor, "train", str(data or self.folder / "pairs.tsv"), "--output", str(self.folder / output), "--threads", str(threads), "--model", str(model),
                "--set", f"stages[0].data[0].batch={self.batch}", "--set", "evaluation.patience=0", "--checkpoint-every", "4", *more]

    def start(self, output, ranks, *more, **options):
        return self.begin(output, ranks, self.train(output, *more, **options))

    def begin(self, output, ranks, command):
        if ranks > 1:
            root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
            # Several commands have a colon between them, and each its own number of ranks.
            command = [*MPIRUN, *root, *([] if ":" in command else ["-n", str(ranks)]), *command]
        self.runs.append(Run(command, self.folder, output, ranks))
        return self.runs[-1]

    def end_all(self):
        for run in self.runs:
            if run.process.poll() is None:
                run.kill()

    def same_losses(self):
        runs, seconds = [], []
        for output, ranks, threads in (("one", 1, 2), ("two", 2, 1)):
            began = time.monotonic()
            run = self.start(output, ranks, model=SMALL, threads=threads)
            status = run.process.wait()
            seconds.append(time.monotonic() - began)
            self.says(f"{ranks} rank{'s' * (ranks > 1)} of {threads} thread{'s' * (threads > 1)} end well", status == 0, run.errors.read_text())
            runs.append(run)
        one, two = (run.lines() for run in runs)
        self.says(f"as many steps: {len(one)}, {len(two)}", len(one) == len(two) > FIRST)
        for a, b in list(zip(one, two))[:: max(1, len(one) // 8)]:
            print(f"       step {a['step']:4}  loss {a['loss']:.6f}  {b['loss']:.6f}")
        self.compare(one, two)
        a, b = (sorted(line["seconds"] for line in lines)[len(lines) // 2] for lines in (one, two))
        print(f"       a step: {a * 1000:.0f} ms in one process of two threads, {b * 1000:.0f} ms in two of one: {a / b:.2f} times as fast; all {seconds[0]:.0f} s, {seconds[1]:.0f} s")

    def compare(self, one, two):
        differences = [abs(a["loss"] / b["loss"] - 1) for a, b in zip(one, two)] or [1]
        self.says(f"losses of the first {FIRST} steps differ by {max(differences[:FIRST]):.1e} at most", max(differences[:FIRST]) <= SAME)
        self.says(f"of all by {max(differences):.1e}", max(differences) <= GROWN)

    def goes_on(self, output, least, ranks, *more):
        """Resumes an endless training, and stops it after some steps."""
        run = self.start(output, ranks, *ENDLESS, "--resume", *more)
        while "going on after step" not in run.errors.read_text() and run.process.poll() is None:
            time.sleep(0.05)
        found = re.search(r"going on after step (\d+)", run.errors.read_text())
        step = int(found[1]) if found else -1
        run.wait_for_steps(step + 3).signal(signal.SIGUSR1 if ranks > 1 else signal.SIGTERM)
        status, errors = run.end()
        self.says(f"{ranks} rank{'s' * (ranks > 1)} go on after step {step}", step >= least and len(run.lines()) >= step + 3 and status == 143, errors)
        return errors

    def a_killed_rank(self):
        whole = ["--set", "stages[0].epochs=5", "--set", "evaluation.every=1000"]
        one = self.start("lone", 1, *whole, threads=2)
        status, errors = one.end()
        self.says("one process ends well", status == 0, errors)
        run = self.start("killed", 2, *whole).wait_for_steps(9)
        os.kill(run.processes()[-1], signal.SIGKILL)
        status, errors = run.end()
        self.says("a rank that is killed ends all", status not in (0, None), errors)
        self.says("before the end", len(run.lines()) < len(one.lines()))
        again = self.start("killed", 1, *whole, "--resume", threads=2)
        status, errors = again.end()
        self.says("one process goes on from its checkpoint, and says that it is one", status == 0 and "2 processes before, 1 now" in errors, errors)
        self.says(f"to the same end: {len(again.lines())} steps", len(one.lines()) == len(again.lines()))
        self.compare(one.lines(), again.lines())

    def stops(self):
        run = self.start("asked", 2, *ENDLESS).wait_for_steps(6)
        status, errors = run.signal(signal.SIGUSR1).end()
        steps = len(run.lines())
        self.says(f"SIGUSR1 to mpirun: stopped after step {steps}, with a checkpoint, status {status}",
                  status == 143 and errors.count(f"stopped after step {steps}, with a checkpoint") == 1, errors)
        self.goes_on("asked", steps, 3)
        for name, number in (("SIGTERM", signal.SIGTERM), ("Ctrl-C", signal.SIGINT)):
            run = self.start(name, 2, *ENDLESS).wait_for_steps(6)
            began, least = time.monotonic(), len(run.lines()) // 4 * 4
            status, errors = run.signal(number).end()
            self.says(f"{name} to mpirun: ended after {time.monotonic() - began:.1f} s, and said so", status not in (0, None) and errors.count("castor: told to stop") == 1, errors)
            steps = len(run.lines())
            said = f"stopped after step {steps}, with a checkpoint" in errors
            print(f"       {'with' if said else 'without'} a checkpoint of its last step, {steps}")
            self.goes_on(name, steps if said else least, 2)

    def killed_while_it_writes(self):
        for number in range(4):
            more = [] if number == 0 else ["--resume"]
            run = self.start("writes", 2, *ENDLESS, *more, "--checkpoint-every", "1")
            if number:
                run.wait_for_steps(before + 3)
            else:
                run.wait_for_steps(3)
            ranks, checkpoints = run.processes(), run.output / "checkpoints"
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until and not any(name.endswith(".partial") for name in os.listdir(checkpoints)):
                pass
            os.kill(ranks[0], signal.SIGKILL)
            status, errors = run.end()
            left = [name for name in os.listdir(checkpoints) if name.endswith(".partial")]
            # A step is written down before its checkpoint.
            before = len(run.lines()) - 1
            self.says(f"the first rank killed while it wrote the checkpoint of step {before + 1} ({len(left)} half a file left)", status not in (0, None), errors)
        self.goes_on("writes", before, 2, "--checkpoint-every", "1")
        self.says("nothing half is left", sorted(os.listdir(run.output / "checkpoints")) in (["last"], ["best", "last"]))

    def a_killed_mpirun(self):
        run = self.start("headless", 2, *ENDLESS).wait_for_steps(6)
        ranks, least = run.processes(), len(run.lines()) // 4 * 4
        run.signal(signal.SIGKILL).end()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and any(map(self.lives, ranks)):
            time.sleep(0.1)
        self.says(f"mpirun killed: {len(ranks)} ranks have ended", len(ranks) == 2 and not any(map(self.lives, ranks)))
        for rank in filter(self.lives, ranks):
            os.kill(rank, signal.SIGKILL)
        self.goes_on("headless", least, 1)

    @staticmethod
    def lives(process):
        try:
            return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def more_ranks_than_contents(self):
        runs = []
        for output, ranks in (("few", 1), ("fewer", 3)):
            # One query and its answer; the third rank has nothing to do.
            run = self.start(output, ranks, *ENDLESS, "--set", "stages[0].epochs=20", "--set", "stages[0].data[0].batch=2").wait_for_steps(8)
            status, errors = run.signal(signal.SIGTERM if ranks == 1 else signal.SIGUSR1).end()
            self.says(f"batches of two pairs on {ranks}: {len(run.lines())} steps, stopped", status == 143, errors)
            runs.append(run.lines()[:8])
        self.compare(*runs)

    def ranks_that_differ(self):
        """In the second rank's view of the disk the second folder lies over the first, as if it were another machine's."""
        unshare = ["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh"]
        here = self.folder / "first"
        for name in ("first", "second"):
            shutil.copytree(NANO, self.folder / name / "model")
            (self.folder / name / "pairs.tsv").write_text("".join(self.pairs))
        weights = self.folder / "second/model/model.safetensors"
        bytes_ = bytearray(weights.read_bytes())
        bytes_[-2] ^= 1
        data = self.folder / "second/pairs.tsv"
        cases = [
            ("data", lambda: data.write_text(data.read_text().replace("garden", "gardem")), "process 2 of 2 differs from the first in data set pairs.tsv", 65),
            ("model", lambda: weights.write_bytes(bytes_), "process 2 of 2 differs from the first in the weights to start from", 65),
            ("no-data", data.unlink, "process 2 of 2: ", 66),
        ]
        for output, spoil, message, wanted in cases:
            spoil()
            train = self.train(output, *ENDLESS, data=here / "pairs.tsv", model=here / "model")
            command = ["-n", "1", *train, ":", "-n", "1", *unshare, str(self.folder / "second"), str(here), *train]
            run = self.begin(output, 2, command)
            status, errors = run.end()
            self.says(f"another {output} on the second rank: {message.strip()}, status {status}", status == wanted and message in errors and not run.lines(), errors)
            data.write_text("".join(self.pairs))

    def a_folder_in_use(self):
        lone = self.start("used", 1, *ENDLESS).wait_for_steps(6)
        status, errors = self.start("used", 2, *ENDLESS, "--resume").end()
        self.says(f"a folder that another training uses is refused, status {status}", status == 65 and "another process is training in" in errors, errors)
        lone.wait_for_steps(len(lone.lines()) + 3).signal(signal.SIGTERM)
        status, errors = lone.end()
        self.says(f"which goes on, and stops after step {len(lone.lines())}", status == 143, errors)
        status, errors = self.start("used", 2, *ENDLESS).end()
        self.says(f"one that was trained in is refused without --resume, status {status}", status == 65 and "--resume goes on with it" in errors, errors)


if __name__ == "__main__":
    main()

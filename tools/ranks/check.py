#!/usr/bin/env python3
"""Shows what training on several processes promises: the same losses as one process, a rank that is killed, a stop of all, and going on with another number of ranks.

    python3 tools/ranks/check.py PROGRAM                 1,200 pairs of texts made here, two ranks of one thread beside one rank of two threads
    python3 tools/ranks/check.py PROGRAM --pairs 5000 --batch 256

PROGRAM is a castor built with the trait MPI. Ends with 1 where something does not hold.
"""
import argparse
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

SAME = 1e-5
"""Losses of a step may differ by this share in the first steps; later rounding grows with the weights that came of it."""
GROWN = 1e-2
FIRST = 3
NOUNS = "house river garden letter train winter teacher market bridge song kitchen island doctor forest window summer engine harbour village mountain".split()
VERBS = "opens crosses repairs paints forgets measures visits carries describes sells follows hides counts breaks finds cleans".split()
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1", "--mca", "odls_base_sigkill_timeout", "60"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("castor")
    parser.add_argument("--pairs", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=64)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        check = Check(pathlib.Path(folder), arguments)
        check.same_losses()
        check.a_killed_rank()
        check.a_stop()
    print("All of it holds." if not check.failures else f"{check.failures} do not hold.")
    sys.exit(bool(check.failures))


class Check:
    def __init__(self, folder, arguments):
        self.folder, self.castor, self.batch, self.failures = folder, os.path.abspath(arguments.castor), arguments.batch, 0
        chance = random.Random(1)
        lines = set()
        while len(lines) < arguments.pairs:
            a, b, verb = chance.choice(NOUNS), chance.choice(NOUNS), chance.choice(VERBS)
            number = chance.randrange(1000)
            lines.add(f"who {verb} the {a} near {b} {number}\tthe {b} of {number} {verb} a {a}\n")
        (folder / "pairs.tsv").write_text("".join(sorted(lines)))

    def says(self, what, holds):
        print(f"  {'yes' if holds else 'NO '}  {what}", flush=True)
        self.failures += not holds

    def command(self, output, ranks, threads, *more):
        train = [self.castor, "train", self.folder / "pairs.tsv", "--output", self.folder / output, "--threads", str(threads),
                 "--set", f"stages[0].data[0].batch={self.batch}", "--set", "evaluation.patience=0", "--checkpoint-every", "4", *more]
        if ranks == 1:
            return train
        root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
        return [*MPIRUN, *root, "-n", str(ranks), *train]

    def run(self, *arguments):
        environment = dict(os.environ, OMPI_MCA_rmaps_base_oversubscribe="1")
        return subprocess.Popen(self.command(*arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def lines(self, output, kind="step"):
        try:
            text = (self.folder / output / "metrics.jsonl").read_text()
        except FileNotFoundError:
            return []
        return [line for line in map(json.loads, text.splitlines(keepends=False)) if line["type"] == kind]

    def same_losses(self):
        seconds = {}
        for output, ranks, threads in (("one", 1, 2), ("two", 2, 1)):
            began = time.monotonic()
            process = self.run(output, ranks, threads)
            errors = process.communicate()[1]
            seconds[output] = time.monotonic() - began
            self.says(f"{ranks} rank{'s' * (ranks > 1)} of {threads} thread{'s' * (threads > 1)} end well", process.returncode == 0 or bool(print(errors)))
        one, two = self.lines("one"), self.lines("two")
        self.says(f"as many steps: {len(one)}, {len(two)}", len(one) == len(two) > FIRST)
        differences = [abs(a["loss"] / b["loss"] - 1) for a, b in zip(one, two)]
        for a, b in list(zip(one, two))[:: max(1, len(one) // 8)]:
            print(f"       step {a['step']:4}  loss {a['loss']:.6f}  {b['loss']:.6f}")
        self.says(f"losses of the first {FIRST} steps differ by {max(differences[:FIRST]):.1e} at most", max(differences[:FIRST]) <= SAME)
        self.says(f"of all by {max(differences):.1e}", max(differences) <= GROWN)
        a, b = (sorted(line["seconds"] for line in lines)[len(lines) // 2] for lines in (one, two))
        print(f"       a step: {a * 1000:.0f} ms in one process of two threads, {b * 1000:.0f} ms in two of one: {a / b:.2f} times as fast; all {seconds['one']:.0f} s, {seconds['two']:.0f} s")

    def wait_for_steps(self, process, output, count):
        # A process that makes no step ends, or is ended by who started this.
        while len(self.lines(output)) < count and process.poll() is None:
            time.sleep(0.05)

    def a_killed_rank(self):
        process = self.run("killed", 2, 1)
        self.wait_for_steps(process, "killed", 9)
        ranks = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
        os.kill(int(ranks[-1]), signal.SIGKILL)
        process.communicate()
        self.says("a rank that is killed ends all", process.returncode != 0)
        self.says("its checkpoint is there", (self.folder / "killed/checkpoints/last").exists())
        again = self.run("killed", 1, 2, "--resume")
        errors = again.communicate()[1]
        self.says("one process goes on from it, and says that it is one", again.returncode == 0 and "2 processes before, 1 now" in errors or bool(print(errors)))
        one, killed = self.lines("one"), self.lines("killed")
        differences = [abs(a["loss"] / b["loss"] - 1) for a, b in zip(one, killed)]
        self.says(f"to the same end: {len(killed)} steps, losses within {max(differences):.1e}", len(one) == len(killed) and max(differences) <= GROWN)

    def a_stop(self):
        process = self.run("stopped", 2, 1)
        self.wait_for_steps(process, "stopped", 6)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        steps = len(self.lines("stopped"))
        again = self.run("stopped", 2, 1, "--resume")
        errors = again.communicate()[1]
        self.says("before its end", steps < len(self.lines("one")))
        self.says(f"stopped after step {steps}, two ranks go on from there", again.returncode == 0 and f"going on after step {steps}" in errors or bool(print(errors)))
        self.says("to the end", len(self.lines("stopped")) == len(self.lines("one")))


if __name__ == "__main__":
    main()

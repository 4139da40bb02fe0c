#!/usr/bin/env python3
"""Castor beside other programs on equal weights: a folder in the layout of sentence-transformers, two threads each, by turns.

    tools/peers/setup
    build/peers/venv/bin/python tools/peers/bench.py build/models/all-MiniLM-L6-v2

Every peer is a process of its own that holds the same texts. Before any time is taken their vectors are compared with sentence-transformers': the least cosine is in the
table. Then each in turn embeds the texts once, --rounds times. What is printed, and written as JSON to WORK/results.json: the median of wall time and of processor time, the
range of wall time, their ratio to Castor's (more than 1: Castor is faster), and the most memory held. Tokenising is in all times.

    batch     32 texts of 128 tokens
    texts     2,000 texts of 4 to 256 tokens
    one       a text of 16 tokens, 50 times
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = "sentence-transformers"
THREADS = 2
WORDS = ("the red car stands before a house and two small dogs run over green grass while rain falls on old stone bridges near quiet rivers where "
         "people walk home with bread music light letters questions answers numbers gardens winter summer morning evening water fire glass paper").split()


def sentence(tokens: int, dice: random.Random) -> str:
    """All of these words are one token in every vocabulary of English; [CLS] and [SEP] are two more."""
    return " ".join(dice.choice(WORDS) for _ in range(tokens - 2))


def workloads(count: int) -> dict[str, tuple[list[str], int]]:
    """Texts, and how often they are embedded for one measurement."""
    dice = random.Random(1)
    return {
        "batch": ([sentence(128, dice) for _ in range(32)], 1),
        "texts": ([sentence(dice.randint(4, 256), dice) for _ in range(count)], 1),
        "one": ([sentence(16, dice)], 50),
    }


class Peer:
    """A process that answers a line with a line."""

    def __init__(self, name: str, command: list[str | Path], log: Path):
        self.name = name
        with log.open("wb") as errors:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.log = log
        self.answer()

    def answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit(f"{self.name} ended: {self.log.read_text()[-2000:]}")

    def ask(self, line: str) -> dict[str, float]:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def imported(program: Path, folder: Path, precision: str, work: Path) -> Path:
    target = work / f"{folder.name}.{precision}"
    if not target.exists():
        subprocess.run([program, "import", folder, target, "--precision", precision], check=True)
    return target


def peer(name: str, arguments: argparse.Namespace) -> Peer:
    work: Path = arguments.work
    log = work / f"{name}.log"
    if name.startswith("castor"):
        precision = {"castor": "float32", "castor-bfloat16": "bfloat16", "castor-int8": "int8"}[name]
        model = imported(arguments.build / "castor", arguments.folder, precision, work)
        return Peer(name, [arguments.build / "Times", "texts", model, str(THREADS)], log)
    worker = Path(__file__).with_name("worker.py")
    return Peer(name, [sys.executable, worker, name, arguments.folder, work, str(THREADS)], log)


def cosines(ours: Path, theirs: Path, rows: int) -> float:
    import numpy as np

    a, b = (np.fromfile(path, "<f4").reshape(rows, -1) for path in (ours, theirs))
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def run(name: str, texts: list[str], times: int, peers: list[Peer], arguments: argparse.Namespace) -> list[dict[str, object]]:
    file = arguments.work / f"{name}.jsonl"
    file.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
    vectors = {}
    for one in peers:
        one.ask(f"texts {file}")
        vectors[one.name] = arguments.work / f"{name}.{one.name}.f4"
        one.ask(f"vectors {vectors[one.name]}")
    measured: dict[str, list[tuple[float, float]]] = {one.name: [] for one in peers}
    for _ in range(arguments.rounds):
        for one in peers:
            answer = one.ask(f"time {times}")
            measured[one.name].append((answer["seconds"] / times, answer["processor"] / times))
    own = {kind: statistics.median(time[kind] for time in measured["castor"]) for kind in (0, 1)}
    rows = []
    for one in peers:
        wall, processor = (sorted(time[kind] for time in measured[one.name]) for kind in (0, 1))
        middle = statistics.median(wall), statistics.median(processor)
        rows.append({
            "work": name, "peer": one.name, "seconds": middle[0], "least": wall[0], "most": wall[-1], "processor": middle[1],
            "ratio": middle[0] / own[0], "processor_ratio": middle[1] / own[1], "peak_MiB": round(one.ask("memory")["peak"]),
            "least_cosine": cosines(vectors[one.name], vectors[REFERENCE], len(texts)) if REFERENCE in vectors else None})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--build", type=Path, default=ROOT / ".build/release", help="where castor and Times are")
    parser.add_argument("--work", type=Path, default=ROOT / "build/peers/work")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=2_000, help="of the workload `texts`")
    parser.add_argument("--only", nargs="+", help="workloads")
    parser.add_argument("--peers", nargs="+", help="of those in peers.py, and castor, castor-bfloat16, castor-int8")
    arguments = parser.parse_args()
    from peers import PEERS

    arguments.work.mkdir(parents=True, exist_ok=True)
    names = arguments.peers or ["castor", "castor-bfloat16", "castor-int8", *PEERS]
    peers = [peer(name, arguments) for name in names]
    results = []
    for name, (texts, times) in workloads(arguments.count).items():
        if arguments.only and name not in arguments.only:
            continue
        rows = run(name, texts, times, peers, arguments)
        results += rows
        print(f"\n{name}: {len(texts)} texts\n{'':30}{'median':>10}{'least':>10}{'most':>10}{'processor':>11}{'ratio':>8}{'cosine':>11}{'MiB':>7}")
        for row in rows:
            cosine = "" if row["least_cosine"] is None else f"{row['least_cosine']:.7f}"
            print(f"{row['peer']:30}{row['seconds'] * 1e3:8.1f}ms{row['least'] * 1e3:8.1f}ms{row['most'] * 1e3:8.1f}ms{row['processor'] * 1e3:9.1f}ms"
                  f"{row['ratio']:8.2f}{cosine:>11}{row['peak_MiB']:7}", flush=True)
    for one in peers:
        one.close()
    (arguments.work / "results.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

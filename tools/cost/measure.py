#!/usr/bin/env python3
"""What embedding texts costs: processor time of a token, by tokens of a text, by texts of a call and by threads.

    make bench-peers                                       # the peers' environment and all-MiniLM-L6-v2
    build/peers/venv/bin/python tools/cost/measure.py build/peers/cost.json castor-small=weights/castor-small \\
        MiniLM=build/peers/work/all-MiniLM-L6-v2.float32 --peer MiniLM=build/peers/all-MiniLM-L6-v2
    python3 tools/cost/plot.py build/peers/cost.json docs/images

Programs answer by turns, each a process of its own: `Times texts` for a folder that Castor reads, sentence-transformers for one that is named with --peer, too.
Words are one token each in vocabularies of English; how many tokens a text has Castor says itself. Each point is the median of --rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools/peers"))
from bench import WORDS, Peer  # noqa: E402

LENGTHS = [4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8000]
BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256]
BATCH_WORDS = 32
"""Words of each text where the number of texts varies."""
THREAD_TEXTS = 64
"""Texts of a call where the number of threads varies."""
ENOUGH = 0.15
"""Seconds that one measurement takes at least."""


def text(words: int, vocabulary: list[str], seed: int) -> str:
    return " ".join(vocabulary[(seed * 7 + index * (1 + seed % 5)) % len(vocabulary)] for index in range(words))


def tokens(castor: Path, model: str, one: str) -> int:
    answer = subprocess.run([castor, "embed", "--model", model, one], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return json.loads(answer.stdout)["usageMetadata"]["promptTokenCount"]


def measure(peers: dict[str, Peer], texts: list[str], file: Path, rounds: int, most: float) -> dict[str, tuple[float, float]]:
    """Seconds of wall and of processor time, for all texts once."""
    file.write_text("".join(json.dumps(one) + "\n" for one in texts), encoding="utf-8")
    times, taken = {}, {name: [] for name in peers}
    for name, peer in list(peers.items()):
        peer.ask(f"texts {file}")
        peer.ask("time 1")
        once = peer.ask("time 1")["seconds"]
        if once > most:
            continue
        times[name] = max(1, round(ENOUGH / max(once, 1e-4)))
    for _ in range(rounds):
        for name in times:
            answer = peers[name].ask(f"time {times[name]}")
            taken[name].append((answer["seconds"] / times[name], answer["processor"] / times[name]))
    return {name: tuple(statistics.median(one[kind] for one in taken[name]) for kind in (0, 1)) for name in times}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("models", nargs="+", metavar="NAME=FOLDER", help="folders that Castor reads")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=FOLDER", help="the same for sentence-transformers")
    parser.add_argument("--build", type=Path, default=ROOT / ".build/release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="all points are measured with the last number")
    parser.add_argument("--letters", action="store_true", help="words of one letter, for a made-up vocabulary")
    parser.add_argument("--most", type=float, default=20, help="seconds: points whose call takes longer are left out")
    parser.add_argument("--call", type=int, default=4096, help="tokens of a call where their length varies: a batch of the library's")
    parser.add_argument("--lengths", type=int, nargs="*", default=LENGTHS, help="words of a text")
    parser.add_argument("--batches", type=int, nargs="*", default=BATCHES, help="texts of a call")
    options = parser.parse_args()
    vocabulary = sorted({word[0] for word in WORDS}) if options.letters else WORDS
    folders = dict(model.split("=", 1) for model in options.models)
    others = dict(peer.split("=", 1) for peer in options.peer)
    work = options.results.parent
    work.mkdir(parents=True, exist_ok=True)
    rows = json.loads(options.results.read_text()) if options.results.exists() else []

    for threads in options.threads:
        for name, folder in folders.items():
            peers = {"castor": Peer("castor", [options.build / "Times", "texts", folder, threads], work / "castor.log")}
            if name in others:
                worker = ROOT / "tools/peers/worker.py"
                command = [sys.executable, worker, "sentence-transformers", others[name], work, threads]
                peers["sentence-transformers"] = Peer("sentence-transformers", command, work / "peer.log")
            points = [("batch", BATCH_WORDS, count) for count in options.batches]
            points += [("length", words, max(1, options.call // words)) for words in options.lengths]
            if threads != options.threads[-1]:
                points = [("batch", BATCH_WORDS, THREAD_TEXTS)]
            for kind, words, count in points:
                some = [text(words, vocabulary, seed) for seed in range(count)]
                each = tokens(options.build / "castor", folder, some[0])
                for program, (wall, processor) in measure(peers, some, work / "cost.jsonl", options.rounds, options.most).items():
                    row = {"model": name, "program": program, "threads": threads, "kind": kind, "tokens": each, "texts": count, "wall": wall,
                           "processor": processor}
                    rows.append(row)
                    print(f"{name:14} {program:22} {threads} threads {kind:7}{each:6} tokens {count:5} texts "
                          f"{1e6 * processor / each / count:9.1f} us of processor time a token, {1e6 * wall / each / count:9.1f} us", flush=True)
                options.results.write_text(json.dumps(rows, indent=1) + "\n")
            for peer in peers.values():
                peer.close()


if __name__ == "__main__":
    main()

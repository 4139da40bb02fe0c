#!/usr/bin/env python3
"""How fast `castor index` is, as a share of `castor embed --batch` on the same files, and how long a second run takes over files that are as they were.

    tools/search/indexing.py CASTOR MODEL WORK PICTURES SOUNDS        folders of files; texts are made: WORK/texts, 4,000 of about 60 words
    tools/search/indexing.py CASTOR MODEL WORK --unchanged 100000     so many small texts, indexed and looked at again

Both do the same work by turns, three times; the median of the ratios of their times, on a machine that may have other work.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 3
WORDS = "boat sea harbour red dog cat apple pie cut slice river bank money tree house window door child old new".split()

castor, model = sys.argv[1:3]
work = Path(sys.argv[3])
environment = dict(os.environ, CASTOR_MODEL=model)


def timed(*command: object) -> float:
    start = time.monotonic()
    subprocess.run([castor, *map(str, command)], env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def make_texts(folder: Path, count: int, words: int) -> None:
    old = time.time() - 1_000
    for number in range(count):
        path = folder / str(number % 100) / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = random.Random(number)
        path.write_text(" ".join(drawn.choice(WORDS) for _ in range(words)) + f" {number}")
        os.utime(path, (old, old))


def request(path: Path) -> dict:
    part = {"text": path.read_text()} if path.suffix == ".txt" else {"fileData": {"fileUri": str(path.resolve())}}
    return {"key": str(path), "request": {"content": {"parts": [part]}}}


def compare(name: str, folder: Path, endings: tuple[str, ...]) -> None:
    files = sorted(path for path in folder.rglob("*") if path.suffix in endings)
    only = work / name
    shutil.rmtree(only, ignore_errors=True)
    only.mkdir(parents=True)
    for number, path in enumerate(files):
        shutil.copy2(path, only / f"{number}{path.suffix}")
    batch = work / f"{name}.jsonl"
    batch.write_text("".join(json.dumps(request(path)) + "\n" for path in sorted(only.iterdir())))
    ratios, rates = [], []
    for _ in range(ROUNDS):
        shutil.rmtree(work / "index", ignore_errors=True)
        (work / "vectors.jsonl").unlink(missing_ok=True)
        embedding = timed("embed", "--batch", batch, "--output", work / "vectors.jsonl")
        indexing = timed("index", only, "--index", work / "index")
        ratios.append(embedding / indexing)
        rates.append(len(files) / indexing)
    again = timed("index", only, "--index", work / "index")
    rate, ratio = statistics.median(rates), statistics.median(ratios)
    span = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"{name}: {len(files)} files, {rate:.0f} a second, {ratio:.2f} of embed --batch ({span}); again {again:.2f} s", flush=True)


def main() -> None:
    work.mkdir(parents=True, exist_ok=True)
    if sys.argv[4] == "--unchanged":
        count = int(sys.argv[5])
        make_texts(work / "many", count, 8)
        first = timed("index", work / "many", "--index", work / "many-index")
        again = [timed("index", work / "many", "--index", work / "many-index") for _ in range(5)]
        print(f"{count} files: {first:.1f} s, unchanged {statistics.median(again):.2f} s ({min(again):.2f} to {max(again):.2f})")
        return
    make_texts(work / "made", 4_000, 60)
    compare("texts", work / "made", (".txt",))
    compare("pictures", Path(sys.argv[4]), (".jpg", ".png"))
    compare("sounds", Path(sys.argv[5]), (".ogg", ".wav", ".mp3"))


if __name__ == "__main__":
    main()

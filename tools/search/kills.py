#!/usr/bin/env python3
"""`kill -9` at random moments of `castor index`, 30 times amid the embedding and 30 times near the compaction at its end; after one more run the index is
what it is when it was made in peace.

    tools/search/kills.py CASTOR MODEL FOLDER [FILES]

FOLDER is made, and holds FILES (6,000) small texts and the indexes. Exit status 1 where an index differs.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

KILLS = 30
WORDS = "boat sea harbour red dog cat apple pie cut slice river bank money tree house window door child old new".split()

castor, model = sys.argv[1:3]
folder = Path(sys.argv[3])
count = int(sys.argv[4]) if len(sys.argv) > 4 else 6_000
files = folder / "files"
environment = dict(os.environ, CASTOR_MODEL=model)
random.seed(1)


def name(number: int) -> Path:
    return files / str(number % 50) / f"{number}.txt"


def run(index: Path, killed_after: float | None = None) -> bool:
    """Whether it was killed before its end."""
    process = subprocess.Popen([castor, "index", files, "--index", index], env=environment, stderr=subprocess.PIPE, text=True)
    if killed_after is not None:
        time.sleep(killed_after)
        is_killed = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return is_killed
    said = process.communicate()[1]
    assert process.returncode == 0, said
    return False


def contents(index: Path) -> list[tuple]:
    out = subprocess.run([castor, "index", "--index", index, "--export", "jsonl"], env=environment, capture_output=True, text=True, check=True)
    rows = map(json.loads, out.stdout.splitlines())
    return sorted((row["path"], tuple(row.get("lines", ())), tuple(row["values"])) for row in rows)


def seconds(index: Path) -> float:
    start = time.monotonic()
    run(index)
    return time.monotonic() - start


def main() -> int:
    shutil.rmtree(folder, ignore_errors=True)
    old = time.time() - 1_000
    for number in range(count):
        name(number).parent.mkdir(parents=True, exist_ok=True)
        drawn = random.Random(number)
        name(number).write_text(" ".join(drawn.choice(WORDS) for _ in range(60)) + f" {number}")
        os.utime(name(number), (old, old))

    whole = seconds(folder / "peace")
    kills = 0
    while kills < KILLS:
        if run(folder / "killed", random.uniform(0.15, 0.15 + whole / 12)):
            kills += 1
        else:
            shutil.rmtree(folder / "killed")
    run(folder / "killed")
    is_equal = contents(folder / "peace") == contents(folder / "killed")
    print(f"indexing of {count} files killed {KILLS} times: {'equal' if is_equal else 'DIFFERENT'}", flush=True)

    for number in range(0, count, 2):
        name(number).unlink()
    shutil.copytree(folder / "killed", folder / "time")
    whole = seconds(folder / "time")
    run(folder / "peace")
    wanted = contents(folder / "peace")
    kills = equal = amid = 0
    while kills < KILLS:
        copy = folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder / "killed", copy)
        if not run(copy, random.uniform(whole / 2, whole)):
            continue
        kills += 1
        # Files of rows of two generations.
        amid += len({path.name.split("-")[1] for path in copy.glob("*.rows")}) > 1
        run(copy)
        equal += contents(copy) == wanted
    print(f"half of them gone, killed {KILLS} times near the end, {amid} of them amid the compaction: {equal} equal")
    return 0 if is_equal and equal == KILLS else 1


if __name__ == "__main__":
    sys.exit(main())

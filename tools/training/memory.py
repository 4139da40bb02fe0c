"""Peak memory of `castor train` against the batch size, with and without gradient caching, as a Markdown table.

    python3 tools/training/memory.py .build/release/castor [batch...]

castor-small with random weights, one step on pairs of texts of 16 tokens that are made up here. "Cached" lets 4,096 tokens pass
at once, "plain" the whole batch, which is left out where it would need more than half of the memory that is free. Memory is
the most that the process ever held (ru_maxrss); processor time is that of the whole process.
"""

import json
import os
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "weights/castor-small"
STEPS = 1
TOKENS = 16
CHUNKS = {"cached": 4_096, "plain": 1 << 30}  # tokens that pass at once
PLAIN_BYTES_PER_TOKEN = 169_000  # docs/training-exact.md, section 4
# Each is one piece of castor-small's vocabulary; the end token comes on top.
WORDS = (
    "the house of a small city in which people have work and time for water light music food day night world hand"
).split()


def write_pairs(path, count):
    chance = random.Random(1)
    with path.open("w") as file:
        for _ in range(count):
            file.write("\t".join(" ".join(chance.choices(WORDS, k=TOKENS - 1)) for _ in range(2)) + "\n")


def measure(program, folder, batch, chunk_tokens):
    """Bytes, processor seconds, and tokens a text."""
    pairs, output = folder / f"{batch}.tsv", folder / f"{batch}-{chunk_tokens}"
    write_pairs(pairs, STEPS * batch)
    # Without its weights, so that nothing has to be trained first.
    model = folder / "model"
    model.mkdir(exist_ok=True)
    for name in ["config.json", "tokenizer.model"]:
        (model / name).write_bytes((MODEL / name).read_bytes())
    recipe = {
        "name": "memory", "model": str(model), "output": str(output), "threads": 1, "workers": 0,
        "stages": [{
            "steps": STEPS, "schedule": {"peak": 1e-5}, "memory": {"chunkTokens": chunk_tokens},
            "data": [{"path": str(pairs), "header": False, "batch": batch}],
        }],
        "evaluation": {"heldOut": 0},
    }  # fmt: skip
    path = folder / "recipe.json"
    path.write_text(json.dumps(recipe))
    process = os.posix_spawn(
        program, [program, "train", str(path)], os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 2, str(folder / "log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)],
    )  # fmt: skip
    _, status, usage = os.wait4(process, 0)
    if status != 0:
        sys.exit((folder / "log").read_text())
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if line["type"] == "step"]
    return usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime, steps[0]["tokens"] / steps[0]["contents"]


def free_memory():
    lines = Path("/proc/meminfo").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program = str(Path(sys.argv[1]).resolve())
    batches = [int(text) for text in sys.argv[2:]] or [64, 256, 1024, 4096]
    print("| pairs a batch | tokens a text | cached | plain | processor seconds, cached | plain |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for batch in batches:
            results = [measure(program, Path(name), batch, CHUNKS["cached"])]
            if 2 * batch * TOKENS * PLAIN_BYTES_PER_TOKEN < free_memory() / 2:
                results.append(measure(program, Path(name), batch, CHUNKS["plain"]))
            sizes = [f"{size / 2**30:.2f} GiB" for size, _, _ in results] + ["-"]
            seconds = [f"{time:.0f}" for _, time, _ in results] + ["-"]
            cells = [f"{batch:,}", f"{results[0][2]:.1f}", *sizes[:2], *seconds[:2]]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

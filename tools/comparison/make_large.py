"""Writes two files of structured vectors, for the time and the memory of `castor compare` (docs/performance.md).

    VENV/bin/python tools/comparison/make_large.py ROWS VALUES FOLDER

Items lie around centers that lie around centers; the candidate is a rotation of the reference with noise, in other coordinates. Seven
decimals, as a service gives them.
"""

import sys
from pathlib import Path

import numpy as np

BLOCK = 1_000


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def main():
    rows, values, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    rng = np.random.default_rng(7)
    # Early values carry more, as in Matryoshka vectors.
    scale = (1 + np.arange(values)) ** -0.3
    topics = rng.normal(size=(40, values)) * scale
    centers = topics[rng.integers(len(topics), size=2_000)] + 0.7 * rng.normal(size=(2_000, values)) * scale
    mirrors = unit(rng.normal(size=(8, values)))
    with (folder / "reference.jsonl").open("w") as first, (folder / "candidate.jsonl").open("w") as second:
        for start in range(0, rows, BLOCK):
            count = min(BLOCK, rows - start)
            x = centers[rng.integers(len(centers), size=count)] + 0.7 * rng.normal(size=(count, values)) * scale
            y = x + 0.5 * rng.normal(size=(count, values)) * scale
            for mirror in mirrors:
                y -= 2 * np.outer(y @ mirror, mirror)
            for file, vectors in ((first, unit(x)), (second, unit(y))):
                for row, vector in enumerate(np.round(vectors, 7).tolist()):
                    text = ",".join(map(str, vector))
                    file.write(f'{{"key":"k{start + row}","response":{{"embedding":{{"values":[{text}]}}}}}}\n')


if __name__ == "__main__":
    main()

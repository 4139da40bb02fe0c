#!/usr/bin/env python3
"""Gives the longer vectors of a distilled model the cosines of the prefix that was trained.

    tools/data/longer_prefixes.py MODEL [TRAINED]

The teacher's vectors train the first TRAINED components (384, the width of castor-small); the rows of the projection head after them follow from weaker terms,
so that 3,072 values came out worse than 384 (docs/training-log.md, version 1). Those rows become turned copies of the trained ones, a random orthogonal matrix
for each block of TRAINED rows: the head's products at 768, 1,536 and 3,072 values are then those at TRAINED, times a number that cosines do not see.
"""
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def main() -> None:
    path = Path(sys.argv[1]) / "model.safetensors"
    trained = int(sys.argv[2]) if len(sys.argv) > 2 else 384
    tensors = load_file(path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata() or {}
    head = tensors["projection.weight"].astype(np.float64)
    source = np.random.default_rng(3)
    for start in range(trained, len(head), trained):
        turn, _ = np.linalg.qr(source.normal(size=(trained, trained)))
        rows = min(trained, len(head) - start)
        head[start : start + rows] = (turn @ head[:trained])[:rows]
    tensors["projection.weight"] = head.astype(tensors["projection.weight"].dtype)
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, metadata)
    temporary.rename(path)


if __name__ == "__main__":
    main()

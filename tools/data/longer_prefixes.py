#!/usr/bin/env python3
"""Gives a model of 384 values longer vectors with the same cosines.

    tools/data/longer_prefixes.py MODEL CONFIG OUT

MODEL is what training left, whose head ends where the teacher's vectors do; CONFIG the configuration of the model to be, with the same stacks. The head has the rank
of the width, 384, so that longer vectors can tell nothing more. Their rows become turned copies of the trained ones, a random orthogonal matrix for
each block of them: the head's products at 768, 1,536 and 3,072 values are then those at 384, times a number that cosines do not see.
"""
import json
import shutil
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def main() -> None:
    model, config, out = map(Path, sys.argv[1:4])
    tensors = load_file(model / "model.safetensors")
    with safe_open(model / "model.safetensors", "numpy") as file:
        metadata = file.metadata() or {}
    trained = tensors["projection.weight"].astype(np.float64)
    source = np.random.default_rng(3)
    head = [trained]
    for _ in range(len(trained), json.loads(config.read_text())["output_dimensions"], len(trained)):
        turn, _ = np.linalg.qr(source.normal(size=(len(trained), len(trained))))
        head.append(turn @ trained)
    head = np.concatenate(head)[: json.loads(config.read_text())["output_dimensions"]]
    tensors["projection.weight"] = head.astype(tensors["projection.weight"].dtype)
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(config, out / "config.json")
    shutil.copy(model / "tokenizer.model", out)
    temporary = out / "model.tmp"
    save_file(tensors, temporary, metadata)
    temporary.rename(out / "model.safetensors")


if __name__ == "__main__":
    main()

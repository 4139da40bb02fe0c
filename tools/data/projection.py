#!/usr/bin/env python3
"""A projection head to start stage 1 from: the least-squares map from the untrained encoder to the teacher's vectors.

    tools/data/projection.py CASTOR MODEL SETS

Run after token_embeddings.py. With embeddings that mean something, the untrained encoder is a bag of words, and a linear map of it
is already near the teacher. Without this step the first few hundred updates move every text in the one direction that
they share, and vectors collapse (docs/training-log.md).

Rows 0..383 of `projection.weight` become the ridge regression onto the teacher's components; the rows after them are random mixtures of
those, so that longer prefixes have the same cosines.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

SAMPLES = 3000
"""Texts of each set: more than twenty for every unknown of a row, in all."""
BRANCHES = 0.2
"""Factor of what attention and MLP add at the start: what random blocks say is the same for every text, and drowns the words."""
SIZE = 768
"""Components of the vectors that are read back, at most; twice the width is enough to recover what was projected."""


def vectors(castor: Path, model: Path, texts: list[str], size: int) -> np.ndarray:
    """[texts, size], by the program itself."""
    with tempfile.TemporaryDirectory() as folder:
        lines, out = Path(folder) / "in.jsonl", Path(folder) / "out.jsonl"
        with open(lines, "w", encoding="utf-8") as file:
            for index, text in enumerate(texts):
                request = {"content": {"parts": [{"text": text}]}, "outputDimensionality": size}
                file.write(json.dumps({"key": str(index), "request": request}) + "\n")
        subprocess.run([castor, "embed", "--model", model, "--batch", lines, "--output", out], check=True)
        return np.array([json.loads(line)["response"]["embedding"]["values"] for line in open(out, encoding="utf-8")])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("castor", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("sets", type=Path)
    arguments = parser.parse_args()

    texts, targets = [], []
    for name in ("english", "bitext", "names"):
        with open(arguments.sets / f"{name}.tsv", encoding="utf-8") as file:
            lines = file.read().splitlines()[1:]
        teacher = np.load(arguments.sets / f"{name}.npy", mmap_mode="r")
        chosen = np.sort(np.random.default_rng(1).choice(len(lines), SAMPLES, replace=False))
        texts += [lines[index].split("\t")[0] for index in chosen]
        targets.append(teacher[chosen].astype(np.float64))
    target = np.concatenate(targets)

    path = arguments.model / "model.safetensors"
    tensors = load_file(path)
    for name, value in tensors.items():
        if name.startswith(("text.", "unified.")) and name.endswith(("attention.output.weight", "mlp.down.weight")):
            tensors[name] = (value * BRANCHES).astype(np.float16)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata() or {}
    save_file(tensors, path, metadata)
    head = tensors["projection.weight"].astype(np.float64)
    pooled = vectors(arguments.castor, arguments.model, texts, min(SIZE, len(head))) @ np.linalg.pinv(head[:SIZE]).T
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)

    held = np.arange(len(texts)) % 10 == 0
    x, y = pooled[~held], target[~held]
    ridge = 0.1 * np.trace(x.T @ x) / x.shape[1]
    weight = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y).T
    guess = pooled[held] @ weight.T
    cosine = (guess * target[held]).sum(1) / np.linalg.norm(guess, axis=1) / np.linalg.norm(target[held], axis=1)
    mixtures = np.random.default_rng(2).normal(size=(len(head) - len(weight), len(weight))) / np.sqrt(len(weight))
    head = np.concatenate([weight, mixtures @ weight])
    # The deviation that random heads have, so that learning rates mean the same.
    head *= 1 / np.sqrt(head.shape[1]) / head.std()
    tensors["projection.weight"] = head.astype(np.float16)
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, {**metadata, "castor.projection": "ridge regression onto the teacher"})
    temporary.rename(path)
    print(f"cosine to the teacher on texts that were held out: {cosine.mean():.3f}")


if __name__ == "__main__":
    sys.exit(main())

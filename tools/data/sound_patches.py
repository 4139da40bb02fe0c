#!/usr/bin/env python3
"""A patch embedding to start the tower of sounds from: principal components instead of random mixtures.

    tools/data/sound_patches.py MODEL SETS

MODEL is an untrained model folder, SETS what media_sets.py wrote. A random matrix hands on little but a patch's loudness: it has most of the
variance. The first `width` principal components of the patches, each divided by its deviation, tell rises and chords as loudly;
what is weaker than a thousandth of the strongest stays weak, since it is mostly noise. Pictures have picture_tower.py.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from model import load  # noqa: E402

FILES = ("sounds", "speech"), 500
"""Sets, and files of each."""
FLOOR = 1e-3


def files(path: Path, count: int) -> list[Path]:
    found: dict[str, None] = {}
    for line in open(path, encoding="utf-8"):
        found[json.loads(line)["query"]["parts"][0]["fileData"]["fileUri"]] = None
    return [Path(name) for name in list(found)[:: max(1, len(found) // count)]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("sets", type=Path)
    arguments = parser.parse_args()
    model = load(arguments.model)
    path = arguments.model / "model.safetensors"
    tensors = load_file(path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata() or {}
    sets, count = FILES
    patches = np.concatenate([
        model.read_audio(name).inputs.numpy().astype(np.float64)
        for chosen in sets for name in files(arguments.sets / f"{chosen}.jsonl", count)])
    mean = patches.mean(0)
    values, axes = np.linalg.eigh(np.cov(patches.T))
    width = len(tensors["audio.patch_embedding.bias"])
    values, axes = values[::-1][:width], axes[:, ::-1][:, :width]
    weight = (axes / np.sqrt(values + FLOOR * values[0])).T
    tensors["audio.patch_embedding.weight"] = weight.astype(np.float16)
    tensors["audio.patch_embedding.bias"] = (-weight @ mean).astype(np.float16)
    print(f"{len(patches):,} patches; the first component has {values[0] / values.sum():.0%} of the variance")
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, metadata)
    temporary.rename(path)


if __name__ == "__main__":
    main()

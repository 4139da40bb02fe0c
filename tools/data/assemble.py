#!/usr/bin/env python3
"""Puts a model together from the towers of others.

    tools/data/assemble.py CASTOR MODEL PATTERN=FOLDER ...

MODEL is a folder with config.json and tokenizer.model. Its weights become untrained ones (`castor init`), of which each tensor whose name matches a
PATTERN (`text.*`, `image.*`) is then taken from FOLDER, the last match first. A block that no FOLDER has starts with `attention.output` and `mlp.down` of zeros: it
passes on what it gets, so that a model that grows by blocks gives the vectors that it gave before, and learns from there (Gong et al. 2019, "Efficient
Training of BERT by Progressively Stacking", with identities in the copies' place).
"""
import argparse
import fnmatch
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

CLOSING = ("attention.output.weight", "mlp.down.weight")
"""What a block adds to its input passes through one of these."""
PATCHES = "image.patch_embedding.weight"
LOGITS = "unified.pooling_logits"
BIGRAMS = "text.bigram_projection.weight"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("castor", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("sources", nargs="*", metavar="PATTERN=FOLDER")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pooling-logits", help="five numbers, separated by commas: what a token of each modality weighs in the mean, as a logarithm")
    parser.add_argument("--random-blocks", action="store_true", help="new blocks start as `castor init` makes them")
    arguments = parser.parse_args()
    path = arguments.model / "model.safetensors"
    path.unlink(missing_ok=True)
    subprocess.run([arguments.castor, "init", arguments.model, "--seed", str(arguments.seed)], check=True, stdout=subprocess.DEVNULL)
    tensors = load_file(path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata() or {}

    taken = set()
    for source in arguments.sources:
        pattern, _, folder = source.partition("=")
        found = load_file(Path(folder) / "model.safetensors")
        for name in fnmatch.filter(tensors, pattern):
            if name in found:
                if name == PATCHES and found[name].shape[1] < tensors[name].shape[1]:
                    # A model that had no place in its patches: it has no weight at first.
                    missing = tensors[name].shape[1] - found[name].shape[1]
                    found[name] = np.pad(found[name], ((0, 0), (0, missing)))
                if found[name].shape != tensors[name].shape:
                    sys.exit(f"assemble.py: {name} is {found[name].shape} in {folder}, {tensors[name].shape} in {arguments.model}")
                tensors[name] = found[name].astype(tensors[name].dtype)
                taken.add(name)
    new = [name for name in tensors if name not in taken and name.endswith(CLOSING)]
    for name in [] if arguments.random_blocks else new:
        tensors[name] = np.zeros_like(tensors[name])
    if BIGRAMS in tensors and BIGRAMS not in taken:
        # Of all directions, those that the head's first values are made of.
        read = tensors["projection.weight"].astype(np.float64) * tensors["unified.norm.weight"].astype(np.float64)
        tensors[BIGRAMS] = np.linalg.qr(read[: tensors[BIGRAMS].shape[1]].T)[0].astype(tensors[BIGRAMS].dtype)
    if arguments.pooling_logits:
        tensors[LOGITS] = np.array([float(value) for value in arguments.pooling_logits.split(",")], tensors[LOGITS].dtype)
    if taken:
        metadata = {"castor.state": "trained"}
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, metadata)
    temporary.rename(path)
    print(f"{len(taken)} of {len(tensors)} tensors taken, {len(new) // len(CLOSING)} new blocks")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The way back from a model folder to where training can go on: what student_to_model.py, towers_to_model.py and longer_prefixes.py did, undone.

    tools/training/model_to_student.py MODEL OUT

OUT receives texts.pt for text_student.py --start, media_student.py --texts and joined_student.py, and pictures.pt and sounds.pt for media_student.py --start. What optimisers remember is not in a model, nor what the towers' heads for teachers
had learned; both begin anew. Towers do not depend on the vocabulary, so that those of another version serve too.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from student_to_model import BLOCK, NAMES
from towers_to_model import ROWS

WIDTH = 384


def table(tensors: dict[str, np.ndarray], name: str) -> np.ndarray:
    """In single precision, of eight bits or sixteen."""
    value = tensors[name].astype(np.float32)
    scales = tensors.get(f"{name}.scale")
    return value if scales is None else value * scales.astype(np.float32).repeat(-(-value.shape[1] // scales.shape[1]), 1)[:, : value.shape[1]]


def blocks(tensors: dict[str, np.ndarray], stack: str, to: str) -> dict[str, torch.Tensor]:
    parts, found = {theirs: ours for ours, theirs in BLOCK.items()}, {}
    for name, value in tensors.items():
        if name.startswith(f"{stack}.blocks."):
            number, part = name.removeprefix(f"{stack}.blocks.").split(".", 1)
            found[f"{to}.{number}.{parts[part]}"] = torch.from_numpy(value.astype(np.float32))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    tensors, config = load_file(arguments.model / "model.safetensors"), json.loads((arguments.model / "config.json").read_text())
    if config["width"] != WIDTH:
        sys.exit(f"model_to_student.py: {arguments.model} has a width of {config['width']}, not {WIDTH}")

    def single(name: str) -> torch.Tensor:
        return torch.from_numpy(tensors[name].astype(np.float32))

    modalities = single("unified.modality_embedding.weight")
    unified = blocks(tensors, "unified", "unified")
    weights = blocks(tensors, "text", "blocks") | unified | {ours: single(theirs) for ours, theirs in NAMES.items() if theirs in tensors}
    # The rows behind are turned copies.
    weights |= {"head.weight": weights["head.weight"][:WIDTH].clone(), "modality": modalities[0].clone()}
    tables = [torch.from_numpy(table(tensors, name)) for name in ("text.embedding.weight", "text.bigram_embedding.weight") if name in tensors]
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.save({"weights": weights, "tables": [{"value": value, "first": torch.zeros_like(value), "second": torch.zeros_like(value), "steps": 0} for value in tables]}, arguments.out / "texts.pt")
    for tower, name in (("image", "pictures"), ("audio", "sounds")):
        own = blocks(tensors, tower, "blocks") | {f"patch_embedding.{part}": single(f"{tower}.patch_embedding.{part}") for part in ("weight", "bias")}
        own |= {"tower_norm": single(f"{tower}.norm.weight"), "modality": modalities[ROWS[tower][0]].clone()}
        torch.save({"weights": own | unified | {part: weights[part] for part in ("norm", "head.weight")}}, arguments.out / f"{name}.pt")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Puts towers that media_student.py learned into a model folder.

    tools/training/towers_to_model.py MODEL [--pictures STATE.pt] [--sounds STATE.pt]

MODEL is what student_to_model.py wrote, of the same unified blocks and head. Frames of videos and pages of documents pass the picture tower and are marked as pictures are; what tells a frame's time starts at nothing.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from student_to_model import BLOCK

ROWS = {"image": (1, 3), "audio": (2,)}
"""Of the modality embedding: pictures, videos; sounds. A page is above all its text: documents have that of texts."""
TEXT, DOCUMENT = 0, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--sounds", type=Path)
    arguments = parser.parse_args()
    path = arguments.model / "model.safetensors"
    config, tensors = json.loads((arguments.model / "config.json").read_text()), load_file(path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata() or {}
    modalities = tensors["unified.modality_embedding.weight"].astype(np.float32)
    for tower, state in (("image", arguments.pictures), ("audio", arguments.sounds)):
        if not state:
            continue
        weights = torch.load(state, weights_only=False, map_location="cpu")["weights"]
        tensors = {name: value for name, value in tensors.items() if not name.startswith(f"{tower}.")}
        count = 0
        for name, value in weights.items():
            value = value.numpy()
            if name.startswith("blocks."):
                _, number, part = name.split(".", 2)
                count = max(count, int(number) + 1)
                tensors[f"{tower}.blocks.{number}.{BLOCK[part]}"] = value.astype(np.float16)
                if part == "up.weight":
                    config[tower]["mlp_width"] = len(value)
            elif name.startswith("patch_embedding."):
                tensors[f"{tower}.{name}"] = value.astype(np.float16)
            elif name == "tower_norm":
                tensors[f"{tower}.norm.weight"] = value.astype(np.float16)
            elif name == "modality":
                modalities[list(ROWS[tower])] = value
        config[tower]["blocks"] = count
        if tower == "image" and "video.time_embedding.weight" in tensors:
            tensors["video.time_embedding.weight"] = np.zeros_like(tensors["video.time_embedding.weight"])
    modalities[DOCUMENT] = modalities[TEXT]
    tensors["unified.modality_embedding.weight"] = modalities.astype(np.float16)
    (arguments.model / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    temporary = path.with_suffix(".tmp")
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, temporary, metadata)
    temporary.rename(path)
    print(f"{sum(value.size for value in tensors.values()):,} values, {sum(value.nbytes for value in tensors.values()) / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())

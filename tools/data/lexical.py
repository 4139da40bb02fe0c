#!/usr/bin/env python3
"""Gives a model of 384 values a lexical part (docs/model.md, section 6): longer vectors that also tell which pieces a text is made of.

    tools/data/lexical.py MODEL TEXT-DATA CONFIG OUT [--share 0.3]

MODEL is what training left, whose head ends where the teachers' vectors do; TEXT-DATA what text_targets_joined.py wrote, CONFIG a configuration whose sizes of vectors are wanted. What a piece counts is the logarithm of how rare it is
among the texts: log((n + 1) / (those with it + 1)); end, unknown and control pieces count nothing. The prompts of tasks (prompts.py) are no words of a text. The first sketch is the smallest and counts for most, so that 768 values have it whole.
"""
import argparse
import sys
from pathlib import Path

import model_folder
import numpy as np
import sentencepiece

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))

from prompts import PROMPTS  # noqa: E402

WEIGHTS = [0.6, 0.25, 0.15]
"""Of the sketches, whose widths double: what is free of the vector is cut 1 : 2 : 4."""


def rarities(folder: Path, tokenizer: sentencepiece.SentencePieceProcessor) -> np.ndarray:
    offsets, ids = np.load(folder / "arrays.npz")["off"], np.fromfile(folder / "ids.u16", np.uint16)
    size, texts = tokenizer.get_piece_size(), len(offsets) - 1
    having = np.zeros(size, np.int64)
    # A text at a time, some at once: (text, piece) as one number, each once.
    for first in range(0, texts, 100_000):
        last = min(texts, first + 100_000)
        of = np.repeat(np.arange(last - first), np.diff(offsets[first : last + 1]))
        pairs = np.unique(of * size + ids[offsets[first] : offsets[last]].astype(np.int64))
        having += np.bincount(pairs % size, minlength=size)
    found = np.log((texts + 1) / (having + 1))
    return np.array([0 if tokenizer.is_control(piece) or tokenizer.is_unknown(piece) else value for piece, value in enumerate(found)], np.float16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "texts", "config", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--share", type=float, default=0.3)
    arguments = parser.parse_args()
    model, out = arguments.model, arguments.out
    config, tensors, metadata = model_folder.read(model, arguments.config)
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(model / "tokenizer.model"))
    free, parts = config["output_dimensions"] - len(tensors["projection.weight"]), 2 ** len(WEIGHTS) - 1
    widths = [free // parts * 2**k for k in range(len(WEIGHTS))]
    widths[-1] += free - sum(widths)
    # A title that is there is said; its name is not.
    prompts = sorted({tuple(tokenizer.encode(prompt)) for prompt in [*PROMPTS, "title:"]}, key=len)
    config["text"]["lexical"] = {"widths": widths, "weights": WEIGHTS, "share": arguments.share, "prompts": prompts}
    tensors["text.lexical_rarity"] = rarities(arguments.texts, tokenizer)
    model_folder.write(out, model, config, tensors, metadata)


if __name__ == "__main__":
    main()

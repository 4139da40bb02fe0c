#!/usr/bin/env python3
"""A vector for each piece of the vocabulary, to start the table of tokens from: what the teachers say of the piece alone, as if it were a text.

    tools/data/piece_vectors.py DATA OUT.npy MULTILINGUAL TOKENIZER ENGLISH

DATA is what text_targets_joined.py wrote, MULTILINGUAL and TOKENIZER what vectors.py calls the multilingual teacher, ENGLISH the English one. The vectors lie on the axes of the targets, so that
the head can start as the identity (or a ridge regression). Frequent pieces start weak: a piece of share p keeps sqrt(a / (a + p)) of its length in its own direction (a = 1e-3; Arora et al. 2017) and has
the rest in the last axis, which is left free for that, as are the other axes behind `--axes`: the model gives every token one length.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import sentencepiece

FREQUENT = 1e-3
ENGLISH = 0.3
"""Share of English in a piece's uses from which on the English teacher is asked."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("multilingual", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("english", type=Path)
    parser.add_argument("--axes", type=int, default=368)
    arguments = parser.parse_args()
    import torch
    from eight_bit_teacher import EightBitTeacher
    from multilingual_teacher import MultilingualTeacher
    from teacher import Teacher
    torch.set_num_threads(1)
    arrays = np.load(arguments.data / "arrays.npz")
    ids, lengths = np.fromfile(arguments.data / "ids.u16", np.uint16), np.diff(arrays["off"])
    pieces = sentencepiece.SentencePieceProcessor(model_file=json.loads((arguments.data / "info.json").read_text())["tokenizer"])
    size = pieces.get_piece_size()
    english = np.repeat(arrays["kind"] < 10, lengths)
    at_home, uses = np.bincount(ids[english], minlength=size), np.bincount(ids, minlength=size)
    texts = [pieces.id_to_piece(index).replace("▁", " ").strip() for index in range(size)]
    known = np.array([bool(text) and not (pieces.is_byte(i) or pieces.is_control(i) or pieces.is_unknown(i)) for i, text in enumerate(texts)])
    asked = np.flatnonzero(known)
    e5 = EightBitTeacher(MultilingualTeacher(arguments.multilingual, arguments.tokenizer)).embed([texts[i] for i in asked], progress=False).astype(np.float32)
    weight = (uses[asked] / (uses[asked] + FREQUENT * uses.sum()))[:, None]
    e5 -= e5.mean(0)
    e5 /= np.linalg.norm(e5, axis=1, keepdims=True)
    mini = np.concatenate([e5, np.ones((len(e5), 1), np.float32)], 1) @ arrays["B"]
    here = at_home[asked] > ENGLISH * np.maximum(uses[asked], 1)
    mini[here] = Teacher(arguments.english).embed([texts[i] for i in asked[here]], progress=False)
    mini /= np.linalg.norm(mini, axis=1, keepdims=True)
    own = np.concatenate([e5, mini], 1) @ arrays["R"]
    own -= (own * weight).sum(0) / weight.sum()
    own[:, arguments.axes :] = 0
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    table = np.random.default_rng(1).normal(size=(size, own.shape[1])).astype(np.float32) * 0.3
    table[:, arguments.axes :] = 0
    kept = np.sqrt(FREQUENT / (FREQUENT + uses / uses.sum()))[:, None]
    table[asked] = own * np.sqrt(own.shape[1]) * kept[asked]
    table[:, -1] += (np.sqrt(1 - kept**2) * np.sqrt(own.shape[1]))[:, 0]
    np.save(arguments.out, table.astype(np.float16))
    print(f"{size:,} pieces, {len(asked):,} asked, {here.sum():,} English, {(uses == 0).sum():,} never used")


if __name__ == "__main__":
    sys.exit(main())

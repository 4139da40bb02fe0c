#!/usr/bin/env python3
"""Token embeddings to start stage 1 from, instead of random ones.

    tools/data/token_embeddings.py MODEL TEACHER SETS

MODEL is a folder with config.json, tokenizer.model and untrained weights (`castor init`), TEACHER the teacher's folder, SETS what
text_sets.py wrote. Rewrites `text.embedding.weight` of MODEL/model.safetensors:

- a piece that the teacher has, too (a word, or the rest of one), gets the teacher's embedding;
- a piece that occurs in translations gets the embeddings of the English words it is translated by, weighted by IBM Model 1
  (Brown et al. 1993, "The Mathematics of Statistical Machine Translation", section 4.1) over the sentence pairs;
- a piece with both is a mixture by how often it occurs in English and elsewhere;
- every other piece stays random.

Then the table is whitened as text uses it, and every row scaled to the deviation 1 that random ones have: frequent words share a few
strong directions, and a mean over the words of a sentence has hardly anything else (docs/training-log.md).

At last frequent pieces say less: the encoder gives every token one length, and so a piece of share p keeps sqrt(a / (a + p)) of its own direction (a = 1e-3; Arora et
al. 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings") and has the rest in one direction that all pieces share, which the head leaves out.
"""
import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import sentencepiece
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

ITERATIONS = 5
FREQUENT = 1e-3
LONGEST = 40
"""Tokens of a sentence that take part in the alignment: links grow with the square."""


def alignment(foreign: list[np.ndarray], english: list[np.ndarray], vocabulary: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected links of IBM Model 1, English words generating pieces: (pieces, words, counts)."""
    sources = [np.tile(words, len(pieces)) for pieces, words in zip(foreign, english)]
    targets = [np.repeat(pieces, len(words)) for pieces, words in zip(foreign, english)]
    groups = np.repeat(
        np.arange(sum(map(len, foreign)), dtype=np.int64), np.repeat([len(w) for w in english], [len(p) for p in foreign]))
    keys = np.concatenate(targets).astype(np.int64) * vocabulary + np.concatenate(sources)
    unique, link = np.unique(keys, return_inverse=True)
    link = link.astype(np.int32)
    words = unique % vocabulary
    probability = np.ones(len(unique))
    for iteration in range(ITERATIONS):
        weight = probability[link]
        weight /= np.bincount(groups, weight)[groups]
        counts = np.bincount(link, weight, minlength=len(unique))
        probability = counts / np.bincount(words, counts)[words]
        print(f"alignment: pass {iteration + 1} of {ITERATIONS}", file=sys.stderr, flush=True)
    return unique // vocabulary, words, counts


def whitened(table: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean 0 and covariance 1 over the pieces as often as they occur, rows of deviation 1."""
    share = (counts / counts.sum())[:, None]
    centred = (table - (share * table).sum(0)).astype(np.float64)
    values, axes = np.linalg.eigh((centred * share).T @ centred)
    centred = centred @ (axes / np.sqrt(np.maximum(values, values.max() * 1e-6))) @ axes.T
    return (centred / np.sqrt((centred**2).mean(1, keepdims=True))).astype(np.float32)


def damped(table: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Frequent rows turned toward one direction, which no row has anything of before; lengths stay."""
    common = np.random.default_rng(2).normal(size=table.shape[1])
    common /= np.linalg.norm(common)
    own = table - np.outer(table @ common, common)
    length = np.sqrt(table.shape[1])
    own *= length / np.linalg.norm(own, axis=1, keepdims=True)
    kept = np.sqrt(FREQUENT / (FREQUENT + counts / counts.sum()))[:, None]
    return (kept * own + np.sqrt(1 - kept**2) * length * common).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--pairs", type=int, default=150_000)
    arguments = parser.parse_args()
    began = time.time()

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(arguments.model / "tokenizer.model"))
    size = pieces.get_piece_size()
    with safe_open(arguments.teacher / "model.safetensors", "numpy") as file:
        words = file.get_tensor("embeddings.word_embeddings.weight").astype(np.float32)
    words -= words.mean(0)
    words /= words.std()
    teacher = Tokenizer.from_file(str(arguments.teacher / "tokenizer.json"))
    vocabulary = teacher.get_vocab()

    # What English says of a piece.
    own = np.zeros((size, words.shape[1]), np.float32)
    has_own = np.zeros(size, bool)
    for index in range(size):
        text = pieces.id_to_piece(index)
        if pieces.is_byte(index) or pieces.is_control(index) or pieces.is_unknown(index):
            continue
        starts, body = text.startswith("▁"), text.lstrip("▁").lower()
        key = body if starts or not body[:1].isalnum() else f"##{body}"
        if key in vocabulary:
            own[index], has_own[index] = words[vocabulary[key]], True

    # What its translations say.
    pairs = []
    for name in ("bitext", "names"):
        with open(arguments.sets / f"{name}.tsv", encoding="utf-8") as file:
            next(file)
            pairs += [line.rstrip("\n").split("\t") for line in file]
    pick = np.random.default_rng(1).permutation(len(pairs))[: arguments.pairs]
    chosen = [pairs[index] for index in pick]
    foreign = [np.array(ids[:LONGEST], np.int32) for ids in pieces.encode([pair[0] for pair in chosen])]
    english = [
        np.array(encoding.ids[1:-1][:LONGEST], np.int32)
        for encoding in teacher.encode_batch([pair[1] for pair in chosen])
    ]
    keep = [index for index in range(len(chosen)) if len(foreign[index]) and len(english[index])]
    foreign, english = [foreign[index] for index in keep], [english[index] for index in keep]
    at, to, counts = alignment(foreign, english, len(words))
    translated = np.zeros_like(own)
    np.add.at(translated, at, words[to] * counts[:, None].astype(np.float32))
    abroad = np.bincount(np.concatenate(foreign), minlength=size).astype(np.float32)
    translated /= np.maximum(abroad, 1)[:, None]
    # A mean of many words is short: give it the length of a word's vector, so that pieces start alike.
    length = np.linalg.norm(translated, axis=1, keepdims=True)
    translated *= np.where(length > 0, np.sqrt(words.shape[1]) / np.maximum(length, 1e-6), 0)

    with open(arguments.sets / "english.tsv", encoding="utf-8") as file:
        next(file)
        lines = [line.split("\t", 1)[0] for line, _ in zip(file, range(arguments.pairs))]
    at_home = np.bincount(np.concatenate([np.array(ids, np.int32) for ids in pieces.encode(lines) if ids]), minlength=size)
    share = np.where(has_own, np.where(abroad > 0, at_home / np.maximum(at_home + abroad, 1), 1), 0)[:, None]
    known = has_own | (abroad > 0)

    path = arguments.model / "model.safetensors"
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    table = tensors["text.embedding.weight"].astype(np.float32)
    table[known] = (share * own + (1 - share) * translated)[known]
    table[known] /= np.maximum(np.sqrt((table[known] ** 2).mean(1, keepdims=True)), 1e-6)
    table[known] = whitened(table[known], (at_home + abroad)[known])
    tensors["text.embedding.weight"] = damped(table, at_home + abroad).astype(np.float16)
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, {**(metadata or {}), "castor.token_embeddings": "teacher and IBM Model 1"})
    temporary.rename(path)
    print(json.dumps({
        "pieces": size, "from the teacher": int(has_own.sum()), "from translations": int((abroad > 0).sum()),
        "known": int(known.sum()), "seconds": round(time.time() - began)}))


if __name__ == "__main__":
    main()

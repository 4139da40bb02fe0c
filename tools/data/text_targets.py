#!/usr/bin/env python3
"""One vector of 384 values for each text, from two teachers: what a text model learns.

    tools/data/text_targets.py fit DATA FOLDER        FOLDER/targets.npz: means of languages, the regression, the axes
    tools/data/text_targets.py write FOLDER           FOLDER/KIND-target/00000000.npy ... for every shard of FOLDER/KIND-multilingual

FOLDER is what vectors.py filled: KIND.txt, KIND-multilingual (any language), KIND-english (English kinds); KIND.tsv, where there is one, says language, text and English of each line. DATA is
the training data pack. A target is, turned to common axes, the multilingual vector beside the English one:

- The multilingual teacher's vectors share a direction, and the texts of a language another: both are subtracted, so that what language a text is in says nothing. The vector of a text that has a
  translation is the mean of both sides'.
- The English teacher reads the English side. Where there is none, its vector is foretold from the multilingual one by ridge regression.
- The axes: 384 of 768, which begin as the principal ones and are then moved a little so that cosines of the pairs of STS train (nine tenths of it) come in the order of their scores, while the cosines of
  other texts stay (`--order 0`: the principal axes as they are).
"""
import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

SHRINK = 500
"""Texts of a language at which its own mean counts half."""
SAMPLE = 60_000
HELD_OUT = 10
"""One in so many pairs of STS train decides."""


def language_of(code: str) -> str:
    return code.replace("-", "_").split("_")[0].lower()


def normalized(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)


class Kind:
    """Texts of a kind, and their vectors as far as they go."""

    def __init__(self, folder: Path, name: str):
        self.folder, self.name = folder, name
        with open(folder / f"{name}.txt", encoding="utf-8", newline="\n") as file:
            self.texts = [line.rstrip("\n") for line in file]
        self.languages, self.english = ["en"] * len(self.texts), [""] * len(self.texts)
        if (folder / f"{name}.tsv").exists():
            with open(folder / f"{name}.tsv", encoding="utf-8", newline="\n") as file:
                rows = [line.rstrip("\n").split("\t") for line in file][1:]
            self.languages, self.english = [language_of(row[0]) for row in rows], [row[2] for row in rows]

    def shards(self, teacher: str):
        for path in sorted((self.folder / f"{self.name}-{teacher}").glob("[0-9]" * 8 + ".npy")):
            yield int(path.stem), np.load(path, mmap_mode="r")


class English:
    """Vectors of both teachers for English texts, by text."""

    def __init__(self, kinds: list[Kind]):
        self.place: dict[str, tuple[str, int, int]] = {}
        self.files: dict[tuple[str, str, int], np.ndarray] = {}
        for kind in kinds:
            for teacher in ("english", "multilingual"):
                for start, vectors in kind.shards(teacher):
                    self.files[kind.name, teacher, start] = vectors
            for start, vectors in kind.shards("english"):
                if (kind.name, "multilingual", start) in self.files:
                    for row in range(len(vectors)):
                        self.place.setdefault(kind.texts[start + row], (kind.name, start, row))

    def vectors(self, teacher: str, texts: list[str]) -> np.ndarray:
        return np.stack([self.files[self.place[text][0], teacher, self.place[text][1]][self.place[text][2]] for text in texts]).astype(np.float32)


class Targets:
    def __init__(self, path: Path):
        found = np.load(path, allow_pickle=False)
        self.mean, self.english_mean, self.regression, self.axes = (found[key] for key in ("mean", "english_mean", "regression", "axes"))
        self.languages = dict(zip(found["languages"].tolist(), found["means"]))

    def centred(self, vectors: np.ndarray, languages: list[str]) -> np.ndarray:
        return normalized(vectors.astype(np.float32) - np.stack([self.languages.get(language, self.mean) for language in languages]))

    def joined(self, kind: Kind, start: int, vectors: np.ndarray, english: English) -> np.ndarray:
        """[lines, 768]"""
        stop = start + len(vectors)
        half = self.centred(vectors, kind.languages[start:stop])
        beside = [text if known == "" and language == "en" else known for text, known, language in zip(kind.texts[start:stop], kind.english[start:stop], kind.languages[start:stop])]
        there = np.array([text in english.place for text in beside])
        other = normalized(half @ self.regression)
        if there.any():
            texts = [text for text, known in zip(beside, there) if known]
            other[there] = normalized(english.vectors("english", texts) - self.english_mean)
            half[there] = normalized(half[there] + self.centred(english.vectors("multilingual", texts), ["en"] * len(texts)))
        return np.concatenate([half, other], 1) / np.sqrt(2)


def kinds_of(folder: Path) -> list[Kind]:
    return [Kind(folder, path.stem) for path in sorted(folder.glob("*.txt")) if (folder / f"{path.stem}-multilingual").exists()]


def scored_pairs(data: Path):
    """(language, first, second, score, whether it decides)"""
    from text_sources import clean, rows
    for row in rows(data / "train/sts/stsb_train.tsv"):
        key = f"{row['lang']} {row['sentence1']}"
        yield row["lang"], clean(row["sentence1"]), clean(row["sentence2"]), float(row["score"]), int.from_bytes(hashlib.sha1(key.encode()).digest()[:4], "big") % HELD_OUT == 0


def fit(data: Path, folder: Path, order: float, seed: int = 1) -> None:
    kinds = kinds_of(folder)
    english = English([kind for kind in kinds if (folder / f"{kind.name}-english").exists()])
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    for kind in kinds:
        for start, vectors in kind.shards("multilingual"):
            wide = np.asarray(vectors, np.float32)
            languages = np.array(kind.languages[start : start + len(wide)])
            for language in set(languages.tolist()):
                chosen = wide[languages == language]
                sums[language] = sums.get(language, 0) + chosen.sum(0)
                counts[language] = counts.get(language, 0) + len(chosen)
    # Languages count alike from a thousand texts on, so that English does not decide what is common.
    weights = {language: min(count, 1000) for language, count in counts.items()}
    mean = sum(sums[language] / counts[language] * weight for language, weight in weights.items()) / sum(weights.values())
    means = {language: (sums[language] + SHRINK * mean) / (counts[language] + SHRINK) for language in sums}

    pick = np.random.default_rng(seed)
    texts = list(english.place)
    texts = [texts[index] for index in pick.choice(len(texts), min(SAMPLE, len(texts)), replace=False)]
    there = english.vectors("english", texts)
    english_mean = there.mean(0)
    half, other = normalized(english.vectors("multilingual", texts) - means["en"]), normalized(there - english_mean)
    gram = half.T.astype(np.float64) @ half
    regression = np.linalg.solve(gram + 1e-3 * np.trace(gram) / len(gram) * np.eye(len(gram)), half.T.astype(np.float64) @ other).astype(np.float32)
    foretold = normalized(half @ regression)
    print(f"{len(texts):,} English texts; {len(means)} languages; what the multilingual vector foretells of the English one: cosine {np.sum(foretold * other, 1).mean():.3f}")
    path = folder / "targets.npz"

    def save(axes: np.ndarray) -> Targets:
        np.savez(path, mean=mean, english_mean=english_mean, regression=regression, axes=axes, languages=np.array(list(means)), means=np.stack(list(means.values())))
        return Targets(path)

    targets = save(np.eye(768, dtype=np.float32))
    sample = []
    for kind in kinds:
        for start, vectors in kind.shards("multilingual"):
            part = targets.joined(kind, start, vectors, english)
            sample.append(part[pick.choice(len(part), min(len(part), 2_000), replace=False)])
    sample = np.concatenate(sample)
    _, axes = np.linalg.eigh(sample.T.astype(np.float64) @ sample)
    axes = axes[:, ::-1][:, :384].astype(np.float32)
    kept = np.linalg.norm(sample @ axes, axis=1).mean()
    print(f"384 of 768 axes keep {kept:.3f} of a vector's length")
    if order:
        axes = ordered(data, folder, kinds, targets, english, sample, axes, order, pick)
    save(axes)


def ordered(data: Path, folder: Path, kinds, targets: Targets, english: English, sample, axes, weight: float, pick) -> np.ndarray:
    """Axes moved so that the cosines of scored pairs come in the order of the scores (CoSENT), while those of the sample stay; the step that decides best is kept."""
    from scipy.stats import spearmanr
    place: dict[str, np.ndarray] = {}
    wanted = {text for _, first, second, _, _ in scored_pairs(data) for text in (first, second)}
    for kind in kinds:
        for start, vectors in kind.shards("multilingual"):
            found = [row for row in range(len(vectors)) if kind.texts[start + row] in wanted]
            if found:
                part = targets.joined(kind, start, vectors, english)
                place.update((kind.texts[start + row], part[row]) for row in found)
    pairs = [pair for pair in scored_pairs(data) if pair[1] in place and pair[2] in place]
    print(f"{len(pairs):,} scored pairs have vectors on both sides")
    if len(pairs) < 500:
        return axes
    first, second = (torch.from_numpy(np.stack([place[pair[side]] for pair in pairs])) for side in (1, 2))
    score, decides = np.array([pair[3] for pair in pairs]), np.array([pair[4] for pair in pairs])
    languages = np.array([pair[0] for pair in pairs])

    def cosines(w, rows):
        return (F.normalize(first[rows] @ w, dim=1) * F.normalize(second[rows] @ w, dim=1)).sum(1)

    def judged(w) -> float:
        found = []
        for language in sorted(set(languages.tolist())):
            rows = np.flatnonzero(decides & (languages == language))
            if len(rows) > 20:
                found.append(spearmanr(cosines(w, rows).numpy(), score[rows])[0])
        return float(np.mean(found))

    w = torch.from_numpy(axes.copy()).requires_grad_()
    optimizer = torch.optim.Adam([w], 2e-4)
    learning, texts = np.flatnonzero(~decides), torch.from_numpy(sample)
    with torch.no_grad():
        best, kept = judged(w), w.clone()
    print(f"STS train, held-out pairs, mean of the languages' Spearman: principal axes {best:.4f}", end="")
    for step in range(1, 401):
        rows = pick.choice(learning, 256, replace=False)
        cosine = 20 * cosines(w, rows)
        higher = torch.from_numpy(score[rows])[:, None] > torch.from_numpy(score[rows])[None]
        # log(1 + sum of exp of what stands in the wrong order)
        wrong = (cosine[None] - cosine[:, None]).masked_fill(~higher, -1e4)
        loss = weight * torch.logsumexp(torch.cat([torch.zeros(1), wrong.flatten()]), 0)
        batch = texts[pick.choice(len(texts), 512, replace=False)]
        moved = F.normalize(batch @ w, dim=1)
        loss = loss + 2_000 * F.mse_loss(moved @ moved.T, batch @ batch.T)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 40 == 0:
            with torch.no_grad():
                now = judged(w)
                if now > best:
                    best, kept = now, w.clone()
    print(f", moved {best:.4f}")
    with torch.no_grad():
        # The strongest directions first, again.
        turned = F.normalize(texts @ kept, dim=1)
        _, turn = torch.linalg.eigh((turned.T @ turned).double())
        return (kept @ turn.flip(1).float()).numpy()


def write(folder: Path) -> None:
    targets, kinds = Targets(folder / "targets.npz"), kinds_of(folder)
    english = English([kind for kind in kinds if (folder / f"{kind.name}-english").exists()])
    for kind in kinds:
        out = folder / f"{kind.name}-target"
        out.mkdir(exist_ok=True)
        for start, vectors in kind.shards("multilingual"):
            np.save(out / f"{start:08d}.npy", normalized(targets.joined(kind, start, vectors, english) @ targets.axes).astype(np.float16))
        print(json.dumps({"kind": kind.name, "lines": len(kind.texts), "shards": len(list(out.glob("*.npy")))}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("fit")
    command.add_argument("data", type=Path)
    command.add_argument("folder", type=Path)
    command.add_argument("--order", type=float, default=1.0)
    command = commands.add_parser("write")
    command.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "fit":
        fit(arguments.data, arguments.folder, arguments.order)
    else:
        write(arguments.folder)


if __name__ == "__main__":
    sys.exit(main())

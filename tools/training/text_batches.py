"""What text_student.py draws its batches from: texts with their teachers' vectors (tools/data/text_targets_joined.py), and pairs (tools/data/text_pairs.py)."""
import json
from pathlib import Path

import numpy as np
import torch

LONGEST, LONGEST_CODE = 96, 96
"""Pieces of a text and of a function."""
LONG = 80, 320
"""Least and most pieces of a long text."""
WORTH = 4, 24
"""A text is drawn as often as it has pieces, but for these bounds: most lines are a word or two, which say nothing of how words go together."""
NEAR = 400
"""Texts of one language, of which those near each other make a long one."""


def cut(row: np.ndarray, longest: int) -> np.ndarray:
    """Its end stays."""
    return row if len(row) <= longest else np.concatenate([row[: longest - 1], row[-1:]])


class Part:
    """Texts of one kind and language."""

    def __init__(self, numbers: np.ndarray, lengths: np.ndarray):
        self.numbers, self.ends = numbers, np.clip(lengths, *WORTH).cumsum()

    def __len__(self) -> int:
        return len(self.numbers)

    def draw(self, random: np.random.Generator, count: int) -> np.ndarray:
        return self.numbers[self.ends.searchsorted(random.integers(0, self.ends[-1], count), side="right")]


class Data:
    """What a step takes: a share of English, of other languages (each by a power of how much there is), of code, of texts that stand alone."""

    def __init__(self, folder: Path, shares: list[float], power: float = 0.5):
        arrays = np.load(folder / "arrays.npz")
        self.offsets, self.targets, self.target, self.held = arrays["off"], arrays["V"], arrays["tgt"], arrays["held"]
        self.kind, self.language, self.english = arrays["kind"], arrays["lang"], int(arrays["nE"])
        self.ids = np.fromfile(folder / "ids.u16", np.uint16)
        self.info = json.loads((folder / "info.json").read_text())
        free = ~self.held
        groups = [self.kind < 10, (self.kind >= 10) & (self.kind < 20), self.kind == 20, self.kind >= 30]
        self.groups, self.shares = [], []
        for group, share in zip(groups, shares):
            if share and (group & free).any():
                members = np.flatnonzero(group & free)
                parts = np.split(members[np.argsort(self.language[members], kind="stable")], np.cumsum(np.bincount(self.language[members]))[:-1])
                parts = [Part(part, (self.offsets[1:] - self.offsets[:-1])[part]) for part in parts if len(part)]
                weight = np.array([len(part) for part in parts], float) ** power
                self.groups.append((parts, weight / weight.sum()))
                self.shares.append(share)
        self.shares = np.array(self.shares) / sum(self.shares)

    def row(self, index: int, longest: int = LONGEST) -> np.ndarray:
        start, end = self.offsets[index], self.offsets[index + 1]
        return cut(self.ids[start:end], longest)

    def draw(self, random: np.random.Generator, count: int) -> np.ndarray:
        found = []
        for (parts, weight), wanted in zip(self.groups, random.multinomial(count, self.shares)):
            for part, number in zip(parts, random.multinomial(wanted, weight)):
                if number:
                    found.append(part.draw(random, number))
        return np.concatenate(found)

    def vectors(self, indices: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self.targets[self.target[indices]].astype(np.float32))

    def long(self, random: np.random.Generator, count: int) -> tuple[list[np.ndarray], torch.Tensor]:
        """Texts of several that are near each other by their teachers, with the mean of their vectors: a student of short ones alone spoils long ones (docs/training-log.md)."""
        rows, targets = [], []
        for group in random.choice(len(self.groups), count, p=self.shares):
            parts, weight = self.groups[group]
            part = parts[random.choice(len(parts), p=weight)]
            some = part.numbers[random.integers(0, len(part), NEAR)]
            vectors = self.targets[self.target[some]].astype(np.float32)
            nearest = np.argsort(-(vectors @ vectors[0]))
            wanted, row, used, taken = random.integers(*LONG), [], [], set()
            for index in nearest:
                if self.target[some[index]] in taken:
                    continue
                taken.add(self.target[some[index]])
                piece = self.row(some[index])
                row.append(piece[:-1])
                used.append(index)
                if sum(map(len, row)) >= wanted:
                    break
            order = random.permutation(len(row))
            rows.append(np.concatenate([*(row[at] for at in order), piece[-1:]])[-LONG[1] :])
            targets.append(vectors[used].mean(0))
        return rows, torch.nn.functional.normalize(torch.from_numpy(np.stack(targets)), dim=1)


class Pairs:
    """Texts that belong together without a teacher saying how."""

    def __init__(self, path: Path):
        arrays = np.load(path)
        self.arrays = {name: arrays[name] for name in arrays}
        self.ids, self.offsets = self.arrays["ids"], self.arrays["off"]

    def rows(self, numbers, longest: int = LONGEST) -> list[np.ndarray]:
        return [cut(self.ids[self.offsets[at] : self.offsets[at + 1]], longest) for at in numbers]

    def code(self, random: np.random.Generator, count: int) -> tuple[list[np.ndarray], torch.Tensor]:
        """Functions and commands, then what each does; a function as often as a command. With the number of what each says."""
        code = self.arrays["code"]
        chosen = random.choice(len(code), count, replace=False)
        return self.rows(code[chosen, 0], LONGEST_CODE) + self.rows(code[chosen, 1]), torch.from_numpy(code[chosen, 1])

    def intents(self, random: np.random.Generator, count: int) -> tuple[list[np.ndarray], torch.Tensor]:
        """Two texts of each label, the first of all and then the second of all."""
        texts, labels = self.arrays["intents"].T
        wanted = random.choice(labels.max() + 1, min(count, labels.max() + 1), replace=False)
        found = np.stack([random.choice(np.flatnonzero(labels == label), 2, replace=False) for label in wanted], 1)
        return self.rows(texts[found.ravel()]), torch.from_numpy(wanted)

    def scored(self, random: np.random.Generator, count: int) -> tuple[list[np.ndarray], torch.Tensor]:
        """The first sentences of pairs, then the second ones, and what people said of them."""
        chosen = random.choice(len(self.arrays["sts"]), count, replace=False)
        return self.rows(self.arrays["sts"][chosen].T.ravel()), torch.from_numpy(self.arrays["scores"][chosen])

    def minimal(self, random: np.random.Generator, count: int) -> list[np.ndarray]:
        """Fours: two ways to say one thing, two ways to say another of nearly the same words."""
        chosen = random.choice(len(self.arrays["minimal"]), count, replace=False)
        return self.rows(self.arrays["minimal"][chosen].ravel())

"""What text_student.py looks at beside the loss: held-out parts of train/ only."""
from pathlib import Path

import numpy as np
import torch
from identifiers import split_identifiers
from scipy.stats import spearmanr
from text_model import packed

LANGUAGES = ("en", "de", "ru", "zh")
"""Whose similarity is looked at: enough to decide by."""


class Checks:
    def __init__(self, data, pairs, tokenizer, student, triplets: Path | None):
        self.data, self.of_labels, self.tokenizer, self.student = data, pairs, tokenizer, student
        held = np.flatnonzero(data.held)
        pick = np.random.default_rng(7)
        foreign = held[(data.kind[held] >= 10) & (data.kind[held] < 20)]
        self.cosines = pick.choice(held, min(1000, len(held)), replace=False)
        self.foreign = pick.choice(foreign, min(1500, len(foreign)), replace=False)
        self.sources = np.unique(data.target[self.foreign])
        self.code = held[data.kind[held] == 20][:400]
        self.descriptions = np.unique(data.target[self.code])
        self.pairs = [pair for pair in data.info["val"] if pair[0] in LANGUAGES]
        self.triplets = [line.split("\t") for line in triplets.read_text().splitlines()[1:]] if triplets else []

    def encode(self, texts):
        return [np.array(ids[:80] + [1]) for ids in self.tokenizer.encode([split_identifiers(text) for text in texts])]

    @torch.inference_mode()
    def embed(self, rows, pooled: bool = False):
        function = self.student.pooled if pooled else self.student
        return np.concatenate([function(packed(rows[at : at + 512], self.student.vocabulary, self.student.bigram_rows)).numpy() for at in range(0, len(rows), 512)])

    def rows(self, indices):
        return [self.data.row(index) for index in indices]

    def fit_head(self, random) -> None:
        """Ridge regression from the means to the teacher."""
        chosen = self.data.draw(random, 12_000)
        x, y = self.embed(self.rows(chosen), pooled=True).astype(np.float64), self.data.vectors(chosen).numpy()
        gram = x.T @ x
        self.student.head.weight.data = torch.from_numpy(np.linalg.solve(gram + 1e-3 * np.trace(gram) / len(gram) * np.eye(len(gram)), x.T @ y).T.astype(np.float32)).contiguous()

    def turn_head(self, random) -> None:
        """The head turned toward the targets, whose axes may be others than it learned: cosines stay (a new regression lost 0.015 of similarity and 0.05 of bitext)."""
        chosen = self.data.draw(random, 12_000)
        y, t = self.embed(self.rows(chosen)).astype(np.float64), self.data.vectors(chosen).numpy()
        left, _, right = np.linalg.svd(t.T @ y)
        self.student.head.weight.data = torch.from_numpy((left @ right).astype(np.float32)) @ self.student.head.weight.data

    def found(self, queries, sources) -> float:
        y, x = self.embed(self.rows(queries)), self.embed(self.rows(sources))
        return float((sources[(y @ x.T).argmax(1)] == self.data.target[queries]).mean())

    def all(self) -> dict:
        sentences = sorted({text for pair in self.pairs for text in pair[1:3]})
        at = {text: index for index, text in enumerate(sentences)}
        y = self.embed(self.encode(sentences))
        by_language = {}
        for language, first, second, score in self.pairs:
            by_language.setdefault(language, []).append((y[at[first]] @ y[at[second]], score))
        by_language = {language: float(spearmanr(*zip(*rows))[0]) for language, rows in by_language.items()}
        result = {"sts_en": by_language.pop("en"), "sts_others": float(np.mean(list(by_language.values())))}
        result["cosine"] = float((self.embed(self.rows(self.cosines)) * self.data.vectors(self.cosines).numpy()).sum(1).mean())
        rows, targets = self.data.long(np.random.default_rng(11), 48)
        result["long"] = float((self.embed(rows) * targets.numpy()).sum(1).mean())
        result["bitext"] = self.found(self.foreign, self.sources)
        result["code"] = self.found(self.code, self.descriptions)
        if self.of_labels:
            known, asked = self.of_labels.arrays["intents"][::6], self.of_labels.arrays["held_intents"]
            y, x = self.embed(self.of_labels.rows(asked[:, 0])), self.embed(self.of_labels.rows(known[:, 0]))
            result["intents"] = float((known[(y @ x.T).argmax(1), 1] == asked[:, 1]).mean())
        if self.triplets:
            texts = sorted({text for row in self.triplets for text in row[1:]})
            at = {text: index for index, text in enumerate(texts)}
            y = self.embed(self.encode(texts))
            kinds = {}
            for kind, anchor, positive, negative in self.triplets:
                kinds.setdefault(kind, []).append(float(y[at[anchor]] @ y[at[positive]] > y[at[anchor]] @ y[at[negative]]))
            result["minimal"] = {kind: round(float(np.mean(values)), 3) for kind, values in kinds.items()}
            result["minimal_mean"] = float(np.mean(list(result["minimal"].values())))
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in result.items()}

"""What text_student.py looks at beside the loss: held-out parts of train/ only."""
import numpy as np
import torch
import torch.nn.functional as F
from identifiers import split_identifiers
from scipy.stats import spearmanr

KINDS = ("roles", "order", "negation", "numbers", "units", "names", "attributes")


class Checks:
    def __init__(self, data, tokenizer, student, arguments):
        self.data, self.tokenizer, self.student = data, tokenizer, student
        held = np.flatnonzero(data.held)
        pick = np.random.default_rng(7)
        english, foreign = held[data.kind[held] < 10], held[(data.kind[held] >= 10) & (data.kind[held] < 20)]
        self.cosines = pick.choice(held, min(2000, len(held)), replace=False)
        self.foreign = pick.choice(foreign, min(3000, len(foreign)), replace=False)
        self.sources = np.unique(data.target[self.foreign])
        self.code = held[data.kind[held] == 20][:600]
        self.descriptions = np.unique(data.target[self.code])
        self.pairs = data.info["val"]
        self.triplets, self.quadruples = [], []
        if arguments.pairs:
            self.triplets = [line.split("\t") for line in (arguments.pairs / "development/triplets.tsv").read_text().splitlines()[1:]]
            for kind in KINDS:
                rows = [line.split("\t") for line in (arguments.pairs / f"training/{kind}.tsv").read_text().splitlines()[1:]]
                self.quadruples += [self.encode([*rows[i], *rows[i + 1]]) for i in range(0, len(rows) - 1, 2)]

    def encode(self, texts):
        return [np.array(ids[:80] + [1]) for ids in self.tokenizer.encode([split_identifiers(text) for text in texts])]

    @torch.inference_mode()
    def embed(self, rows, pooled: bool = False):
        from text_student import packed
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

    def minimal_loss(self, random):
        """Two ways to say one thing are nearer than what differs from it by a word."""
        from text_student import packed
        chosen = [self.quadruples[i] for i in random.choice(len(self.quadruples), 48, replace=False)]
        y = self.student(packed([row for four in chosen for row in four], self.student.vocabulary, self.student.bigram_rows), keep=True).view(48, 4, -1)

        def near(i, j):
            return (y[:, i] * y[:, j]).sum(1)
        same = torch.stack([near(0, 1), near(0, 1), near(2, 3), near(2, 3)])
        other = torch.stack([near(0, 3), near(1, 2), near(2, 1), near(3, 0)])
        return F.softplus((other - same + 0.1) / 0.05).mean()

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
        result["bitext"] = self.found(self.foreign, self.sources)
        result["code"] = self.found(self.code, self.descriptions)
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

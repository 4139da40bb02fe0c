"""What media_student.py looks at beside the loss: what was held out of train/, named and found by the vectors that texts follow."""
import numpy as np
import torch
from media_batches import Source, Texts, batch_of


class Checks:
    def __init__(self, student, sources: dict[str, list[Source]], texts: Texts, most: int = 400):
        self.student, self.sources, self.texts, self.most = student, sources, texts, most

    @torch.inference_mode()
    def embed(self, source: Source, indices: np.ndarray) -> np.ndarray:
        return np.concatenate([self.student(batch_of([(source, index, 0) for index in indices[at : at + 64]], None))["y"].numpy() for at in range(0, len(indices), 64)])

    def named(self, source: Source, indices: np.ndarray) -> float:
        """Share whose class is the nearest of its set."""
        classes = np.unique([label for one in self.sources[source.kind] if one.set == source.set for label in one.labels])
        near = self.embed(source, indices) @ self.texts.vectors[classes].numpy().T
        return float((classes[near.argmax(1)] == np.array(source.labels)[indices]).mean())

    def found(self, source: Source, indices: np.ndarray) -> tuple[float, float]:
        """Share whose text is the nearest, and among the nearest five, of all these files' texts."""
        own = np.array([source.texts[index][0] for index in indices])
        among = np.unique(own)
        order = np.argsort(-(self.embed(source, indices) @ self.texts.vectors[among].numpy().T), 1)
        return float((among[order[:, 0]] == own).mean()), float((among[order[:, :5]] == own[:, None]).any(1).mean())

    def all(self) -> dict:
        result: dict[str, float] = {}
        for sources in self.sources.values():
            for source in sources:
                held = np.flatnonzero(source.held)[: self.most]
                seen, told = held[~source.unseen[held]], np.array([index for index in held if source.texts[index]], int)
                if source.set and len(seen):
                    result[source.name] = self.named(source, seen)
                if source.set and source.unseen.any():
                    result[f"{source.name} unseen"] = self.named(source, np.flatnonzero(source.unseen)[: self.most])
                if not source.set and len(told):
                    result[source.name], result[f"{source.name} @5"] = self.found(source, told)
        result["mean"] = float(np.mean(list(result.values())))
        return {name: round(value, 3) for name, value in result.items()}

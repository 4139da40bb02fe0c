"""The words that name a task in front of a text (Sources/Castor/TaskType.swift): a student that never saw them takes them for a part of what is said."""
import numpy as np

PROMPTS = [
    "task: search result | query:", "title: none | text:", "task: sentence similarity | query:", "task: classification | query:", "task: clustering | query:",
    "task: question answering | query:", "task: fact checking | query:", "task: code retrieval | query:",
]


class Prompts:
    """Rows of pieces with a prompt before some of them; what they are to be near is that of the bare text."""

    def __init__(self, tokenizer, share: float):
        self.share, self.rows = share, [np.array(tokenizer.encode(prompt), np.uint16) for prompt in PROMPTS]

    def before(self, rows: list[np.ndarray], random: np.random.Generator) -> list[np.ndarray]:
        chosen = random.random(len(rows)) < self.share
        return [np.concatenate([self.rows[random.integers(len(self.rows))], row]) if has else row for has, row in zip(chosen, rows)]

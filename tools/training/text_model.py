"""Texts of castor-small in PyTorch (docs/model.md: token table, pairs of pieces, text blocks, unified blocks, head), and how a batch of them is laid out."""
import numpy as np
import torch
import torch.nn.functional as F
from layers import WIDTH, Block, Means, Norm, laid_out, turns
from optimisers import RowTable
from torch import nn


class Student(nn.Module):
    def __init__(self, vocabulary: int, arguments):
        super().__init__()
        self.vocabulary, self.bigram_rows, self.heads = vocabulary, arguments.bigrams, arguments.heads
        self.embedding = RowTable(torch.randn(vocabulary, WIDTH))
        self.bigrams = RowTable(torch.zeros(arguments.bigrams, 64)) if arguments.bigrams else None
        self.projection = nn.Parameter(torch.eye(WIDTH, 64)) if arguments.bigrams else None
        self.blocks = nn.ModuleList(Block(arguments.mlp, arguments.heads) for _ in range(arguments.blocks))
        self.unified = nn.ModuleList(Block(arguments.unified_mlp, arguments.heads) for _ in range(arguments.unified))
        self.text_norm, self.norm = nn.Parameter(torch.ones(WIDTH)), nn.Parameter(torch.ones(WIDTH))
        self.modality = nn.Parameter(torch.zeros(WIDTH))
        self.head = nn.Linear(WIDTH, WIDTH, bias=False)
        nn.init.eye_(self.head.weight)
        self.cos, self.sin = turns(torch.arange(512)[:, None], WIDTH // arguments.heads, 10_000)

    def tower(self, batch, keep: bool = False):
        """Tokens as the unified blocks read them."""
        x = self.embedding.gather(batch["ids"], keep)
        if self.bigrams:
            x = x + self.bigrams.gather(batch["bigrams"], keep) @ self.projection.T
        cos, sin = self.turned(batch) if self.blocks else (None, None)
        for block in self.blocks:
            x = block(x, batch["chunks"], cos, sin)
        return Norm.apply(x, self.text_norm) + self.modality

    def turned(self, batch):
        return (table[batch["places"]][:, None, None, :] for table in (self.cos, self.sin))

    def pooled(self, batch, keep: bool = False):
        """[texts, width], in the order of the batch's rows."""
        x = self.tower(batch, keep)
        cos, sin = self.turned(batch) if self.unified else (None, None)
        for block in self.unified:
            x = block(x, batch["chunks"], cos, sin)
        x = Norm.apply(x, self.norm)
        return Means.apply(x, batch["weights"], batch["chunks"])[batch["back"]]

    def forward(self, batch, keep: bool = False):
        return F.normalize(self.head(self.pooled(batch, keep)), dim=1)


def packed(rows: list[np.ndarray], vocabulary: int, bigram_rows: int):
    """Texts as a batch: their ids, and those of their pairs of pieces, as laid_out has them."""
    batch = laid_out(np.array([len(row) for row in rows]))
    ids = np.where(batch["valid"], np.concatenate(rows)[batch["tokens"]], 0).astype(np.int64)
    before = np.where(batch["places"].numpy() == 0, vocabulary, np.concatenate([[0], ids[:-1]]))
    batch["ids"] = torch.from_numpy(ids)
    if bigram_rows:
        # docs/model.md, section 4.
        low = np.uint64(0xFFFFFFFF)
        x = (np.uint64(2654435761) * before.astype(np.uint64) + np.uint64(2246822519) * ids.astype(np.uint64)) & low
        x ^= x >> np.uint64(15)
        x = (x * np.uint64(3266489917)) & low
        x ^= x >> np.uint64(13)
        batch["bigrams"] = torch.from_numpy((x % np.uint64(bigram_rows)).astype(np.int64))
    return batch

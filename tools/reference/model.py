"""Castor's model in PyTorch, the oracle of the Swift one: both are written from docs/model.md.

One content at a time: no batching, no padding, no masks. Parameters bear the names of model.safetensors, so
that a trainer can use the module as it is. `load(folder)` computes in f32; `load(folder, torch.float64)`
gives the true value.

T tokens of a part or a content, d width, D head size, p patch_size, F patch_frames.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import sentencepiece
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

import media
from mel import log_mel

# Where a word begins inside of a name: fooBar, base64Encode, HTTPHeader.
BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[0-9])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z][a-z])")
MODALITIES = ["text", "image", "audio", "video", "document"]


@dataclass
class Part:
    """What a tower reads. It holds no parameters, so a trainer may keep it."""

    modality: str
    inputs: Tensor       # text: ids [T]; pictures: [T, p*p*3]; audio: [T, F*mel_bands]
    positions: Tensor    # [T, 1] places in the part, or [T, 2] (row, column) of a picture
    pooled: "Pooled | None" = None       # of frames and pages

    @property
    def tower(self) -> str:
        if self.modality == "document":
            return "image" if self.pooled else "text"
        return "image" if self.modality == "video" else self.modality

    @property
    def tokens(self) -> int:
        return self.pooled.tokens if self.pooled else len(self.inputs)


@dataclass
class Pooled:
    """Pictures of one size, each through the tower alone, of which each leaves a grid of tokens."""

    count: int           # pictures
    rows: int            # of patches
    columns: int
    side: int            # of the grid of tokens, at most
    tokens: int          # the first ones
    times: Tensor | None = None          # [count], seconds, of a video's frames

    @property
    def per_picture(self) -> int:
        return min(self.side, self.rows) * min(self.side, self.columns)


def pictures(modality: str, patches: Tensor, rows: int, columns: int, side: int,
             times: Tensor | None = None) -> Part:
    """patches [count * rows * columns, p*p*3]"""
    count = len(patches) // (rows * columns)
    positions = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).view(-1, 2).repeat(count, 1)
    pooled = Pooled(count, rows, columns, side, 0, times)
    pooled.tokens = count * pooled.per_picture
    return Part(modality, patches, positions, pooled)


# Layers


class RMSNorm(nn.Module):
    def __init__(self, width: int, epsilon: float):
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:                                  # [T, d] -> [T, d]
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon) * self.weight


def rotation(positions: Tensor, head: int, base: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Positions [T, axes] -> cosines and sines [T, D/2]; an axis turns D/2/axes pairs."""
    pairs = head // 2 // positions.shape[1]
    frequencies = base ** (-torch.arange(pairs, dtype=torch.float64) / pairs)            # [pairs]
    angles = (positions.double()[:, :, None] * frequencies).flatten(1)                   # [T, D/2]
    return angles.cos().float().to(dtype), angles.sin().float().to(dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:                               # [heads, T, D]
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        tokens, width = x.shape
        qkv = self.qkv(x).view(tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(1, 2, 0, 3)                                    # each [heads, T, D]
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        # softmax(q k^T / sqrt(D)) v, every token sees every token
        mixed = F.scaled_dot_product_attention(q[None], k[None], v[None])[0]             # [heads, T, D]
        return self.output(mixed.transpose(0, 1).reshape(tokens, width))


class MLP(nn.Module):
    def __init__(self, width: int, inner: int):
        super().__init__()
        self.up = nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, config: dict, name: str):
        super().__init__()
        width, epsilon = config["width"], config["norm_epsilon"]
        self.attention_norm = RMSNorm(width, epsilon)
        self.attention = Attention(width, config["heads"])
        self.mlp_norm = RMSNorm(width, epsilon)
        self.mlp = MLP(width, config[name].get("mlp_width", config["mlp_width"]))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin)
        return x + self.mlp(self.mlp_norm(x))


class Stack(nn.Module):
    """Blocks and a norm: a tower, or the unified encoder. A tower's front-end is one more child of it."""

    def __init__(self, config: dict, name: str, **front_end: nn.Module):
        super().__init__()
        self.head = config["width"] // config["heads"]
        self.rope_base = config[name]["rope_base"]
        for child, module in front_end.items():
            self.add_module(child, module)
        self.blocks = nn.ModuleList(Block(config, name) for _ in range(config[name]["blocks"]))
        self.norm = RMSNorm(config["width"], config["norm_epsilon"])

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:               # [T, d], [T, axes] -> [T, d]
        cos, sin = rotation(positions, self.head, self.rope_base, x.dtype)
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.norm(x)


def pool(x: Tensor, rows: int, columns: int, side: int) -> Tensor:
    """[rows * columns, d] -> [min(side, rows) * min(side, columns), d], means over rectangles."""
    x = x.view(rows, columns, -1)
    bands = [x[i * rows // min(side, rows):(i + 1) * rows // min(side, rows)] for i in range(min(side, rows))]
    n = min(side, columns)
    return torch.stack([band[:, j * columns // n:(j + 1) * columns // n].mean((0, 1))
                        for band in bands for j in range(n)])


def time_features(times: Tensor, count: int, base: float, dtype: torch.dtype) -> Tensor:
    """[n], seconds -> [n, count]"""
    half = count // 2
    angles = times.double()[:, None] * base ** (-torch.arange(half, dtype=torch.float64) / half)
    return torch.cat([angles.sin(), angles.cos()], dim=1).float().to(dtype)


def hashed(a: int, b: int) -> int:
    """In 32 bits without sign, docs/model.md, sections 4 and 6."""
    x = (a * 2654435761 + b * 2246822519) & 0xFFFFFFFF
    x = ((x ^ x >> 15) * 3266489917) & 0xFFFFFFFF
    return x ^ x >> 13


# The model


class Video(nn.Module):
    """What only a video's frames pass."""

    def __init__(self, config: dict):
        super().__init__()
        if config["video"]["time_features"]:
            self.time_embedding = nn.Linear(config["video"]["time_features"], config["width"], bias=False)


class Castor(nn.Module):
    def __init__(self, config: dict, tokenizer: sentencepiece.SentencePieceProcessor | None = None):
        super().__init__()
        self.config, self.tokenizer = config, tokenizer
        width, image, audio = config["width"], config["image"], config["audio"]
        places, edges = max(image.get("position_waves", 0) ** 2 - 1, 0), 4 * image.get("gradient_orientations", 0)
        image_inputs = 3 * image["patch_size"] ** 2 + places + edges
        audio_inputs = audio["patch_frames"] * audio["mel_bands"]
        front_end = {"embedding": nn.Embedding(config["text"]["vocabulary_size"], width)}
        if rows := config["text"].get("bigram_rows"):
            front_end["bigram_embedding"] = nn.Embedding(rows, config["text"]["bigram_width"])
            front_end["bigram_projection"] = nn.Linear(config["text"]["bigram_width"], width, bias=False)
        self.text = Stack(config, "text", **front_end)
        self.image = Stack(config, "image", patch_embedding=nn.Linear(image_inputs, width))
        self.audio = Stack(config, "audio", patch_embedding=nn.Linear(audio_inputs, width))
        self.unified = Stack(config, "unified", modality_embedding=nn.Embedding(len(MODALITIES), width))
        if config["unified"].get("pooling_logits"):
            self.unified.pooling_logits = nn.Parameter(torch.zeros(len(MODALITIES)))
        self.lexical = config["text"].get("lexical")
        if self.lexical:
            # Not trained.
            self.text.register_buffer("lexical_rarity", torch.ones(config["text"]["vocabulary_size"]))
        sketched = sum(self.lexical["widths"]) if self.lexical else 0
        self.projection = nn.Linear(width, config["output_dimensions"] - sketched, bias=False)
        if "video" in config:
            self.video = Video(config)

    @property
    def dtype(self) -> torch.dtype:
        return self.projection.weight.dtype

    # Front-ends: bytes -> Part

    def read_text(self, text: str) -> Part:
        if self.config["text"].get("split_identifiers"):
            text = BOUNDARY.sub(" ", text.replace("_", " "))
        ids = torch.tensor(self.tokenizer.encode(text) + [self.tokenizer.eos_id()])
        return Part("text", ids, torch.arange(len(ids))[:, None])

    def read_image(self, path: Path) -> Part:
        p, most = self.config["image"]["patch_size"], self.config["image"]["max_patches"]
        pixels, (rows, columns) = media.load_pixels(path, p, most)
        patches = media.image_patches(pixels, rows, columns, self.config["image"], self.dtype)
        positions = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
        return Part("image", patches, positions)

    def read_audio(self, path: Path) -> Part:
        audio = self.config["audio"]
        samples = torch.from_numpy(media.load_samples(path, audio["sample_rate"])).to(self.dtype)
        patches = log_mel(samples, audio).reshape(-1, audio["patch_frames"] * audio["mel_bands"])
        return Part("audio", patches, torch.arange(len(patches))[:, None])

    def read_video(self, path: Path, metadata: dict) -> Part:
        video, p = self.config["video"], self.config["image"]["patch_size"]
        frames, times = media.load_frames(path, p, video["max_patches"], video["max_frames"], metadata)
        return self.frames(frames, times)

    def frames(self, frames: np.ndarray, times: list[float]) -> Part:
        """u8 [n, h, w, 3], upright, square pixels"""
        video = self.config["video"]
        rows, columns = media.grid(*frames.shape[1:3], video["max_patches"])
        image = self.config["image"]
        patches = torch.cat([media.image_patches(frame, rows, columns, image, self.dtype) for frame in frames])
        times = torch.tensor(times, dtype=torch.float64)
        return pictures("video", patches, rows, columns, video["pooled_side"], times)

    def read_document(self, path: Path) -> list[Part]:
        return self.pages(media.load_pages(path))

    def pages(self, pages: list[tuple[np.ndarray, str]]) -> list[Part]:
        """Each u8 [h, w, 3] and its text."""
        document, parts = self.config["document"], []
        for pixels, text in pages:
            rows, columns = media.grid(*pixels.shape[:2], document["max_patches"])
            patches = media.image_patches(pixels, rows, columns, self.config["image"], self.dtype)
            parts.append(pictures("document", patches, rows, columns, document["pooled_side"]))
            if text:
                part = self.read_text(text)
                parts.append(Part("document", part.inputs, part.positions))
        return parts

    def read(self, content: dict, folder: Path) -> list[Part]:
        """The service's Content; a fileUri is a path relative to the folder."""
        parts = []
        for part in content["parts"]:
            if "text" in part:
                parts.append(self.read_text(part["text"]))
                continue
            file = part["fileData"]
            path = folder / file["fileUri"]
            match file["mimeType"].split("/")[0]:
                case "image": parts.append(self.read_image(path))
                case "audio": parts.append(self.read_audio(path))
                case "video": parts.append(self.read_video(path, part.get("videoMetadata", {})))
                case _: parts += self.read_document(path)
        return self.truncate(parts)

    def truncate(self, parts: list[Part]) -> list[Part]:
        """The first max_tokens tokens of the content."""
        kept, room = [], self.config["max_tokens"]
        for part in parts:
            if room > 0:
                kept.append(self.cut(part, room) if part.tokens > room else part)
                room -= kept[-1].tokens
        return kept

    @staticmethod
    def cut(part: Part, room: int) -> Part:
        if not part.pooled:
            return Part(part.modality, part.inputs[:room], part.positions[:room])
        pooled = part.pooled
        count = -(-room // pooled.per_picture)                               # pictures that keep a token
        patches = count * pooled.rows * pooled.columns
        times = pooled.times if pooled.times is None else pooled.times[:count]
        return Part(part.modality, part.inputs[:patches], part.positions[:patches],
                    replace(pooled, count=count, tokens=room, times=times))

    # Parts -> vector

    def tower(self, part: Part) -> Tensor:                                               # -> [T, d]
        tower: Stack = getattr(self, part.tower)
        front_end = tower.embedding if part.tower == "text" else tower.patch_embedding
        x = front_end(part.inputs)
        if part.tower == "text" and self.config["text"].get("bigram_rows"):
            x = x + tower.bigram_projection(tower.bigram_embedding(self.bigrams(part.inputs)))
        if part.pooled:
            x = self.pooled(tower, x, part.positions, part.pooled)
        else:
            x = tower(x, part.positions)
        return x + self.unified.modality_embedding.weight[MODALITIES.index(part.modality)]

    def bigrams(self, ids: Tensor) -> Tensor:                                # [T] -> [T], rows of the table
        text = self.config["text"]
        before = torch.cat([torch.tensor([text["vocabulary_size"]]), ids[:-1].long()])
        rows = []
        for a, b in zip(before.tolist(), ids.tolist(), strict=True):
            rows.append(hashed(a, b) % text["bigram_rows"])
        return torch.tensor(rows)

    def pooled(self, tower: Stack, x: Tensor, positions: Tensor, pooled: Pooled) -> Tensor:
        rows, columns = pooled.rows, pooled.columns
        x = [pool(tower(picture, place), rows, columns, pooled.side)
             for picture, place in zip(x.split(rows * columns), positions.split(rows * columns), strict=True)]
        if pooled.times is not None and self.config["video"]["time_features"]:
            video = self.config["video"]
            features = time_features(pooled.times, video["time_features"], video["time_base"], self.dtype)
            x = [tokens + time for tokens, time in zip(x, self.video.time_embedding(features), strict=True)]
        return torch.cat(x)[:pooled.tokens]

    def forward(self, parts: list[Part]) -> Tensor:                          # -> [output_dimensions]
        x = torch.cat([self.tower(part) for part in parts])                              # [T, d]
        x = self.unified(x, torch.arange(len(x))[:, None])
        return F.normalize(self.with_lexical(self.projection(self.mean(x, parts)), parts), dim=0)

    def with_lexical(self, y: Tensor, parts: list[Part]) -> Tensor:          # -> [output_dimensions]
        if not self.lexical:
            return y
        share = self.lexical["share"]
        return torch.cat([y, y.norm() * (share / (1 - share)) ** 0.5 * self.sketches(parts)])

    def sketches(self, parts: list[Part]) -> Tensor:                         # of length 1, or zeros
        counts = Counter()
        for part in parts:
            if part.tower == "text":
                ids = part.inputs.tolist()
                prompts = [prompt for prompt in self.lexical["prompts"] if ids[:len(prompt)] == prompt]
                counts.update(ids[max(map(len, prompts), default=0):])
        sketches = []
        for k, (width, weight) in enumerate(zip(self.lexical["widths"], self.lexical["weights"], strict=True)):
            sketch = torch.zeros(width, dtype=self.dtype)
            for piece, count in counts.items():
                x = hashed(piece, k + 1)
                value = (weight * count) ** 0.5 * self.text.lexical_rarity[piece]
                sketch[(x >> 1) % width] += -value if x & 1 else value
            sketches.append(sketch)
        return F.normalize(torch.cat(sketches), dim=0)

    def mean(self, x: Tensor, parts: list[Part]) -> Tensor:                  # [T, d] -> [d]
        if not self.config["unified"].get("pooling_logits"):
            return x.mean(0)
        modalities = torch.tensor([MODALITIES.index(part.modality) for part in parts for _ in range(part.tokens)])
        return self.unified.pooling_logits[modalities].softmax(0) @ x

    def embed(self, content: dict, folder: Path = Path()) -> Tensor:
        with torch.no_grad():
            return self(self.read(content, folder))


def load(folder: Path, dtype: torch.dtype = torch.float32) -> Castor:
    config = json.loads((folder / "config.json").read_text())
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    model = Castor(config, tokenizer).to(dtype)
    tensors = load_file(folder / "model.safetensors")
    for name in [name for name, x in tensors.items() if x.dtype == torch.int8]:
        scales = tensors.pop(f"{name}.scale").repeat_interleave(64, 1)[:, : tensors[name].shape[1]]
        tensors[name] = tensors[name].float() * scales
    model.load_state_dict({name: x.to(dtype) for name, x in tensors.items()})
    return model.eval()

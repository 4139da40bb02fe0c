"""Castor's model in PyTorch, the oracle of the Swift one: both are written from docs/model.md.

One content at a time: no batching, no padding, no masks. Parameters bear the names of model.safetensors, so
that a trainer can use the module as it is. `load(folder)` computes in f32; `load(folder, torch.float64)`
gives the true value.

T tokens of a part or a content, d width, D head size, p patch_size, F patch_frames.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import sentencepiece
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

import media
from mel import log_mel

MODALITIES = ["text", "image", "audio", "video", "document"]


@dataclass
class Part:
    """What a tower reads. It holds no parameters, so a trainer may keep it."""

    modality: str
    inputs: Tensor       # text: ids [T]; image: [T, p*p*3]; audio: [T, F*mel_bands]
    positions: Tensor    # [T, 1] places in the part, or [T, 2] (row, column) of an image


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
    def __init__(self, config: dict):
        super().__init__()
        width, epsilon = config["width"], config["norm_epsilon"]
        self.attention_norm = RMSNorm(width, epsilon)
        self.attention = Attention(width, config["heads"])
        self.mlp_norm = RMSNorm(width, epsilon)
        self.mlp = MLP(width, config["mlp_width"])

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
        self.blocks = nn.ModuleList(Block(config) for _ in range(config[name]["blocks"]))
        self.norm = RMSNorm(config["width"], config["norm_epsilon"])

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:               # [T, d], [T, axes] -> [T, d]
        cos, sin = rotation(positions, self.head, self.rope_base, x.dtype)
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.norm(x)


# The model


class Castor(nn.Module):
    def __init__(self, config: dict, tokenizer: sentencepiece.SentencePieceProcessor | None = None):
        super().__init__()
        self.config, self.tokenizer = config, tokenizer
        width, image, audio = config["width"], config["image"], config["audio"]
        image_inputs, audio_inputs = 3 * image["patch_size"] ** 2, audio["patch_frames"] * audio["mel_bands"]
        self.text = Stack(config, "text", embedding=nn.Embedding(config["text"]["vocabulary_size"], width))
        self.image = Stack(config, "image", patch_embedding=nn.Linear(image_inputs, width))
        self.audio = Stack(config, "audio", patch_embedding=nn.Linear(audio_inputs, width))
        self.unified = Stack(config, "unified", modality_embedding=nn.Embedding(len(MODALITIES), width))
        self.projection = nn.Linear(width, config["output_dimensions"], bias=False)

    @property
    def dtype(self) -> torch.dtype:
        return self.projection.weight.dtype

    # Front-ends: bytes -> Part

    def read_text(self, text: str) -> Part:
        ids = torch.tensor(self.tokenizer.encode(text) + [self.tokenizer.eos_id()])
        return Part("text", ids, torch.arange(len(ids))[:, None])

    def read_image(self, path: Path) -> Part:
        p, most = self.config["image"]["patch_size"], self.config["image"]["max_patches"]
        pixels, (rows, columns) = media.load_pixels(path, p, most)
        patches = media.image_patches(pixels, rows, columns, p, self.dtype)  # [rows * columns, p*p*3]
        positions = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
        return Part("image", patches, positions)

    def read_audio(self, path: Path) -> Part:
        audio = self.config["audio"]
        samples = torch.from_numpy(media.load_samples(path, audio["sample_rate"])).to(self.dtype)
        patches = log_mel(samples, audio).reshape(-1, audio["patch_frames"] * audio["mel_bands"])
        return Part("audio", patches, torch.arange(len(patches))[:, None])

    def read(self, content: dict, folder: Path) -> list[Part]:
        """The service's Content; a fileUri is a path relative to the folder."""
        parts = []
        for part in content["parts"]:
            if "text" in part:
                parts.append(self.read_text(part["text"]))
                continue
            file = part["fileData"]
            reader = {"image": self.read_image, "audio": self.read_audio}[file["mimeType"].split("/")[0]]
            parts.append(reader(folder / file["fileUri"]))
        return self.truncate(parts)

    def truncate(self, parts: list[Part]) -> list[Part]:
        """The first max_tokens tokens of the content."""
        kept, room = [], self.config["max_tokens"]
        for part in parts:
            if room > 0:
                kept.append(Part(part.modality, part.inputs[:room], part.positions[:room]))
                room -= len(kept[-1].inputs)
        return kept

    # Parts -> vector

    def tower(self, part: Part) -> Tensor:                                               # -> [T, d]
        tower: Stack = getattr(self, part.modality)
        front_end = tower.embedding if part.modality == "text" else tower.patch_embedding
        x = tower(front_end(part.inputs), part.positions)
        return x + self.unified.modality_embedding.weight[MODALITIES.index(part.modality)]

    def forward(self, parts: list[Part]) -> Tensor:                          # -> [output_dimensions]
        x = torch.cat([self.tower(part) for part in parts])                              # [T, d]
        x = self.unified(x, torch.arange(len(x))[:, None])
        return F.normalize(self.projection(x.mean(0)), dim=0)

    def embed(self, content: dict, folder: Path = Path()) -> Tensor:
        with torch.no_grad():
            return self(self.read(content, folder))


def load(folder: Path, dtype: torch.dtype = torch.float32) -> Castor:
    config = json.loads((folder / "config.json").read_text())
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    model = Castor(config, tokenizer).to(dtype)
    model.load_state_dict({name: x.to(dtype) for name, x in load_file(folder / "model.safetensors").items()})
    return model.eval()

"""Pictures and sounds of castor-small in PyTorch (docs/model.md: patches, tower, unified blocks, head), with heads for what teachers make of them, which are thrown away."""
import numpy as np
import torch
import torch.nn.functional as F
from layers import WIDTH, Block, Means, Norm, turns
from torch import nn

INPUTS = {"image": 3 * 16 * 16 + 35 + 32, "audio": 8 * 80}
BASES = {"image": 100, "audio": 10_000}
FLOOR = 1e-3


class MediaStudent(nn.Module):
    def __init__(self, tower: str, arguments, features: dict[str, int]):
        super().__init__()
        self.tower, self.head_width = tower, WIDTH // arguments.heads
        self.patch_embedding = nn.Linear(INPUTS[tower], WIDTH)
        self.blocks = nn.ModuleList(Block(arguments.mlp, arguments.heads) for _ in range(arguments.blocks))
        self.tower_norm, self.modality = nn.Parameter(torch.ones(WIDTH)), nn.Parameter(torch.zeros(WIDTH))
        self.unified = nn.ModuleList(Block(arguments.unified_mlp, arguments.heads) for _ in range(arguments.unified))
        self.norm, self.head = nn.Parameter(torch.ones(WIDTH)), nn.Linear(WIDTH, WIDTH, bias=False)
        self.features = nn.ModuleDict({kind: nn.Linear(WIDTH, count) for kind, count in features.items()})
        for probe in self.features.values():
            nn.init.normal_(probe.weight, std=0.002)

    def take_texts(self, state: dict) -> None:
        """Unified blocks, last norm and head of text_student.py, which stay as they are: towers learn to be read by what reads texts."""
        own = self.state_dict()
        self.load_state_dict(own | {name: value for name, value in state["weights"].items() if name.startswith(("unified.", "head.")) or name == "norm"})
        for parameter in (*self.unified.parameters(), self.norm, self.head.weight):
            parameter.requires_grad_(False)

    def take_tower(self, state: dict) -> None:
        """Of another stage of media_student.py, whatever texts it stood beside."""
        own = self.state_dict()
        self.load_state_dict(own | {name: value for name, value in state["weights"].items() if not name.startswith(("unified.", "head.")) and name != "norm"})

    def start_patches(self, sample: torch.Tensor) -> None:
        """Principal components of patches, each divided by its deviation: a random matrix hands on little but brightness or loudness. What is weaker than a thousandth of the strongest stays weak."""
        spread = sample.std(0) + 1e-6
        z = ((sample - sample.mean(0)) / spread).double()
        values, axes = torch.linalg.eigh(z.T @ z / len(z))
        values, axes = values.flip(0)[:WIDTH], axes.flip(1)[:, :WIDTH]
        weight = (axes / (values + FLOOR * values[0]).sqrt()).T / spread.double()
        self.patch_embedding.weight.data = weight.float().contiguous()
        self.patch_embedding.bias.data = (-weight @ sample.double().mean(0)).float()

    def tokens(self, batch: dict) -> torch.Tensor:
        x = self.patch_embedding(batch["patches"])
        cos, sin = (table[:, None, None, :] for table in turns(batch["positions"], self.head_width, BASES[self.tower]))
        for block in self.blocks:
            x = block(x, batch["chunks"], cos, sin)
        return Norm.apply(x, self.tower_norm)

    def forward(self, batch: dict) -> dict[str, torch.Tensor]:
        """`tokens` of the tower, `means` of them, `y` of length one."""
        tokens = self.tokens(batch)
        x = tokens + self.modality
        if self.unified:
            cos, sin = (table[:, None, None, :] for table in turns(batch["raster"][:, None], self.head_width, 10_000))
        for block in self.unified:
            x = block(x, batch["chunks"], cos, sin)
        x = Norm.apply(x, self.norm)
        means = Means.apply(tokens, batch["weights"], batch["chunks"])[batch["back"]]
        y = F.normalize(self.head(Means.apply(x, batch["weights"], batch["chunks"])[batch["back"]]), dim=1)
        return {"tokens": tokens, "means": means, "y": y}


def place_features(rows: int, columns: int, waves: int = 6) -> np.ndarray:
    """[rows * columns, waves^2 - 1], docs/model.md section 4."""
    def cosines(cells: int) -> np.ndarray:
        return np.cos(np.pi * ((np.arange(cells) + 0.5) / cells)[:, None] * np.arange(waves))
    return (cosines(rows)[:, None, :, None] * cosines(columns)[None, :, None, :]).reshape(rows * columns, -1)[:, 1:].astype(np.float32)

"""Texts, pictures and sounds of castor-small as one model in PyTorch: towers before the same unified blocks and head, and contents of a text and a picture."""
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from layers import WIDTH, Means, Norm, laid_out, turns
from media_batches import FEATURES
from media_model import MediaStudent
from text_model import Student
from torch import nn

PICTURE_LOGIT = -5.5
"""What a picture's token weighs in the mean beside a text's: docs/training-log.md, version 3, mixtures."""
KINDS = {"pictures": ("pictures",), "sounds": ("sounds", "speech")}
"""What a tower reads."""


def shape(state: dict, name: str) -> tuple[int, int]:
    """Blocks of a stack, and the width of its MLP."""
    found = [value for key, value in state["weights"].items() if key.startswith(f"{name}.") and key.endswith("up.weight")]
    return len(found), len(found[0]) if found else 0


class Joined(nn.Module):
    def __init__(self, texts: dict, towers: dict[str, dict], heads: int = 6):
        """From states of text_student.py and media_student.py."""
        super().__init__()
        (blocks, mlp), (unified, unified_mlp) = shape(texts, "blocks"), shape(texts, "unified")
        tables = [table["value"] for table in texts["tables"]]
        arguments = argparse.Namespace(blocks=blocks, mlp=mlp, unified=unified, unified_mlp=unified_mlp, heads=heads, bigrams=len(tables[1]) if len(tables) > 1 else 0)
        self.text = Student(len(tables[0]), arguments)
        self.text.load_state_dict(texts["weights"])
        for table, value in zip(self.tables, tables):
            table.value = value
        self.towers = nn.ModuleDict()
        for kind, state in towers.items():
            own = argparse.Namespace(**vars(arguments) | dict(zip(("blocks", "mlp"), shape(state, "blocks"))))
            # A tower from a model's folder has no heads for teachers: they begin anew.
            kinds = [name.split(".")[1] for name in state["weights"] if name.startswith("features.") and name.endswith("weight")] or KINDS[kind]
            tower = MediaStudent({"pictures": "image", "sounds": "audio"}[kind], own, {name: FEATURES[name] for name in kinds})
            tower.take_tower(state)
            # The same blocks and head, not copies of them.
            tower.unified, tower.norm, tower.head = self.text.unified, self.text.norm, self.text.head
            self.towers[kind] = tower

    @property
    def tables(self) -> list:
        return [table for table in (self.text.embedding, self.text.bigrams) if table]

    def tower_of(self, kind: str) -> MediaStudent:
        return self.towers["pictures" if kind == "pictures" else "sounds"]

    def mixed(self, texts: dict, pictures: dict, text_first: np.ndarray, keep: bool = False) -> torch.Tensor:
        """A text and a picture as one content, in either order, docs/model.md sections 5 and 6: [contents, width] of length one."""
        tower = self.towers["pictures"]
        parts = [self.text.tower(texts, keep), tower.tokens(pictures) + tower.modality]
        lengths = [np.bincount(batch["content"][batch["valid"]], minlength=len(text_first)) for batch in (texts, pictures)]
        # Where the tokens of each content lie among all, in their order.
        rows: list[list[np.ndarray]] = []
        for batch, before in ((texts, 0), (pictures, len(parts[0]))):
            at = np.flatnonzero(batch["valid"])
            of, places = batch["content"][at], batch["places"].numpy()[at]
            at = at[np.lexsort((places, of))] + before
            rows.append(np.split(at, np.cumsum(np.bincount(of, minlength=len(text_first)))[:-1]))
        joined = [np.concatenate([text, picture] if first else [picture, text]) for text, picture, first in zip(*rows, text_first)]
        batch = laid_out(lengths[0] + lengths[1])
        index = torch.from_numpy(np.concatenate(joined)[batch["tokens"]])
        x = torch.cat(parts)[index]
        cos, sin = (table[:, None, None, :] for table in turns(batch["places"][:, None], WIDTH // self.text.heads, 10_000))
        for block in self.text.unified:
            x = block(x, batch["chunks"], cos, sin)
        x = Norm.apply(x, self.text.norm)
        # A softmax over the modalities' logits: a picture's tokens weigh exp(PICTURE_LOGIT) of a text's.
        share = torch.where(index >= len(parts[0]), np.exp(PICTURE_LOGIT), 1.0) * torch.from_numpy(batch["valid"])
        total = torch.zeros(len(text_first)).index_add_(0, torch.from_numpy(batch["content"]), share)
        return F.normalize(self.text.head(Means.apply(x, share / total[torch.from_numpy(batch["content"])], batch["chunks"])[batch["back"]]), dim=1)

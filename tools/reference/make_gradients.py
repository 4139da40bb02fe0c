"""Golden gradients and optimiser steps of castor-nano: gradients.json and .safetensors of Tests/Fixtures.

One batch of pairs with texts, pictures and sounds, alone and interleaved, hard negatives, a repeated query,
and teacher vectors. gradients.json describes the batch, the loss and the optimiser, and holds the loss, its
terms, the loss of each step, and by tensor the norm of its gradient and the rows that are stored (of the
token embedding those that the batch uses, of the projection every eighth).
gradients.safetensors holds, computed in f64 and rounded to f32:
    input.N, teacher.queries, teacher.positives    what the batch is made of
    gradient.NAME     gradient of the loss, the stored rows
    change.NAME       parameter after ten steps minus parameter before them, the stored rows
    weighted.NAME     gradient of the same loss where the model has the pooling logits LOGITS, of some tensors
    bigrams.NAME, bigrams.gradient.NAME    the same for a model with hashed bigrams: their tensors, and gradients
    lexical.gradient.NAME    the same for a model with the lexical part LEXICAL, with the first rows of the projection, and
                      pieces that count `id mod 7 / 2`
"""

import json
import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn

import model as reference
from make_fixtures import FIXTURES, manifest
from model import Part, pictures

SEED = 20260318

LEVELS = {128: 0.5, 700: 1.0, 3072: 1.0}
LOSS = {"levels": [{"size": size, "weight": weight} for size, weight in LEVELS.items()],
        "contrastive": {"weight": 1.0, "temperature": 0.1, "symmetric": True},
        "teacher_cosine": {"weight": 0.5, "size": 64, "dimensions": 48},
        "teacher_similarity": {"weight": 2.0, "divergence_temperature": 0.2}}
OPTIMIZER = {"steps": 10, "rate": 1e-3, "warm_up": 3, "total": 12, "final_share": 0.1, "beta1": 0.9,
             "beta2": 0.98, "epsilon": 1e-6, "decay": 0.05, "max_norm": 1.0, "slow": "text.blocks.*",
             "slow_factor": 0.5, "frozen": "image.patch_embedding.*"}

LOGITS = [0.3, -1.2, 0.5, -0.4, 0.8]
WEIGHTED = ("unified.pooling_logits", "unified.norm.weight", "image.norm.weight", "unified.modality_embedding.weight")

BIGRAMS = {"bigram_rows": 50, "bigram_width": 6}
OF_BIGRAMS = ("text.bigram_embedding.weight", "text.bigram_projection.weight", "text.norm.weight")

LEXICAL = {"widths": [900, 1600], "weights": [0.7, 0.3], "share": 0.4}
OF_LEXICAL = ("projection.weight", "text.norm.weight", "image.norm.weight")

# Text and page-text: number of tokens; image and page: rows and columns of the grid; audio: number of
# patches; video: frames, rows and columns.
QUERIES = [[("text", 5)], [("text", 1), ("image", 2, 3)], [("audio", 4), ("text", 3)],
           [("image", 1, 2), ("audio", 2), ("text", 7), ("image", 2, 2)], [("text", 5)],
           [("text", 2), ("video", 3, 3, 4)]]
POSITIVES = [[("image", 3, 2)], [("text", 9)], [("text", 4), ("text", 2)], [("audio", 3), ("image", 1, 1)],
             [("text", 6)], [("page", 5, 4), ("page-text", 6), ("page", 2, 1)]]
NEGATIVES = [[[("text", 6)]], [], [[("audio", 2)], [("text", 2), ("audio", 1), ("text", 2)]], [], [],
             [[("video", 1, 1, 3), ("page-text", 3)]]]


# The batch


class Inputs:
    """Random contents, and how to find them again."""

    def __init__(self, config: dict):
        self.config, self.random, self.tensors = config, torch.Generator().manual_seed(SEED), {}

    def part(self, kind: str, *size: int) -> tuple[Part, dict]:
        if kind == "text":
            ids = torch.randint(self.config["text"]["vocabulary_size"], size, generator=self.random)
            return Part("text", ids, torch.arange(len(ids))[:, None]), {"text": ids.tolist()}
        if kind == "page-text":
            part, described = self.part("text", *size)
            return Part("document", part.inputs, part.positions), {"pageText": described["text"]}
        if kind in ("video", "page"):
            return self.pictures(kind, size)
        image, audio = self.config["image"], self.config["audio"]
        widths = {"image": 3 * image["patch_size"] ** 2, "audio": audio["patch_frames"] * audio["mel_bands"]}
        name = f"input.{len(self.tensors)}"
        patches = self.tensors[name] = torch.randn(math.prod(size), widths[kind], generator=self.random)
        positions = torch.cartesian_prod(*map(torch.arange, size)).view(len(patches), len(size))
        return Part(kind, patches.double(), positions), {kind: name, "grid": list(size)}

    def pictures(self, kind: str, size: tuple[int, ...]) -> tuple[Part, dict]:
        width = 3 * self.config["image"]["patch_size"] ** 2
        modality = "video" if kind == "video" else "document"
        name, grid = f"input.{len(self.tensors)}", list(size[-2:])
        patches = self.tensors[name] = torch.randn(math.prod(size), width, generator=self.random)
        times = torch.arange(size[0], dtype=torch.float64) * 1.25 if kind == "video" else None
        described = {kind: name, "grid": grid} | ({"times": times.tolist()} if kind == "video" else {})
        side = self.config[modality]["pooled_side"]
        return pictures(modality, patches.double(), *grid, side, times), described

    def content(self, kinds: list[tuple]) -> tuple[list[Part], list[dict]]:
        parts = [self.part(*kind) for kind in kinds]
        return [part for part, _ in parts], [described for _, described in parts]


# The loss, written from DESIGN, section 3, one pair at a time


def cosines(a: Tensor, b: Tensor, size: int) -> Tensor:
    return F.normalize(a[:, :size], dim=1) @ F.normalize(b[:, :size], dim=1).T


def contrastive(q: Tensor, p: Tensor, n: Tensor, same: Tensor, owners: Tensor, scale: Tensor,
                size: int) -> Tensor:
    """same [n, n]: query or positive of both pairs are equal; owners [k]: query of each hard negative."""
    logits, hard = scale * cosines(q, p, size), scale * cosines(q, n, size)
    losses = []
    for i in range(len(q)):
        others = [logits[i, j] for j in range(len(q)) if j != i and not same[i, j]]
        candidates = torch.stack([logits[i, i], *others, *hard[i, owners == i]])
        losses.append(torch.logsumexp(candidates, 0) - logits[i, i])
    return torch.stack(losses).mean()


def similarity(rows: Tensor, teachers: Tensor, temperature: float, size: int) -> Tensor:
    others = ~torch.eye(len(rows), dtype=torch.bool)
    student, teacher = cosines(rows, rows, size), cosines(teachers, teachers, teachers.shape[1])
    student, teacher = (x[others].view(len(rows), -1) / temperature for x in (student, teacher))
    return F.kl_div(student.log_softmax(1), teacher.log_softmax(1), reduction="batchmean", log_target=True)


class Objective(nn.Module):
    def __init__(self):
        super().__init__()
        teacher = LOSS["teacher_cosine"]
        log_scale = -math.log(LOSS["contrastive"]["temperature"])
        self.log_scale = nn.Parameter(torch.tensor([log_scale], dtype=torch.float64))
        self.teacher_head = nn.Linear(teacher["size"], teacher["dimensions"], bias=False, dtype=torch.float64)
        nn.init.eye_(self.teacher_head.weight)

    def forward(self, q: Tensor, p: Tensor, n: Tensor, same: Tensor, owners: Tensor,
                teachers: dict[str, Tensor]) -> dict[str, Tensor]:
        scale = self.log_scale.exp()
        nothing, nobody = n[:0], owners[:0]
        forward = sum(w * contrastive(q, p, n, same, owners, scale, size) for size, w in LEVELS.items())
        backward = sum(w * contrastive(p, q, nothing, same.T, nobody, scale, size)
                       for size, w in LEVELS.items())
        cosine, matrix = LOSS["teacher_cosine"], LOSS["teacher_similarity"]
        student = self.teacher_head(torch.cat([q, p])[:, :cosine["size"]])
        teacher = torch.cat([teachers["queries"], teachers["positives"]])
        to_teacher = (1 - F.cosine_similarity(student, teacher)).mean()
        similar = sum(w * similarity(rows, teachers[side], matrix["divergence_temperature"], size)
                      for size, w in LEVELS.items() for side, rows in (("queries", q), ("positives", p)))
        return {"contrastive": LOSS["contrastive"]["weight"] * (forward + backward) / 2,
                "teacher_cosine": cosine["weight"] * to_teacher,
                "teacher_similarity": matrix["weight"] * similar}


# Optimiser


def matches(pattern: str, name: str) -> bool:
    return name.startswith(pattern.removesuffix("*"))


def parameter_groups(parameters: dict[str, nn.Parameter]) -> list[dict]:
    o, groups = OPTIMIZER, []
    for name, parameter in parameters.items():
        if not matches(o["frozen"], name):
            groups.append({"params": [parameter], "weight_decay": o["decay"] if parameter.dim() > 1 else 0,
                           "factor": o["slow_factor"] if matches(o["slow"], name) else 1})
    return groups


def rate(step: int) -> float:
    o = OPTIMIZER
    if step < o["warm_up"]:
        return o["rate"] * (step + 1) / (o["warm_up"] + 1)
    progress = (step - o["warm_up"]) / (o["total"] - o["warm_up"])
    return o["rate"] * (o["final_share"] + (1 - o["final_share"]) * 0.5 * (1 + math.cos(math.pi * progress)))


def make(folder: Path) -> None:
    model, objective = reference.load(folder / "castor-nano", torch.float64), Objective()
    parameters = dict(model.named_parameters())
    parameters |= {f"loss.{name}": p for name, p in objective.named_parameters()}
    inputs = Inputs(model.config)
    sides = {side: [inputs.content(kinds) for kinds in contents]
             for side, contents in (("queries", QUERIES), ("positives", POSITIVES))}
    sides["queries"][4] = sides["queries"][0]                                # the repeated query
    hard = [[inputs.content(kinds) for kinds in contents] for contents in NEGATIVES]
    dimensions = LOSS["teacher_cosine"]["dimensions"]
    teachers = {side: torch.randn(len(contents), dimensions, generator=inputs.random)
                for side, contents in sides.items()}
    same = torch.eye(len(QUERIES), dtype=torch.bool)
    same[0, 4] = same[4, 0] = True
    owners = torch.tensor([index for index, contents in enumerate(hard) for _ in contents])

    def terms() -> dict[str, Tensor]:
        def rows(contents: list[list[Part]]) -> Tensor:                      # before normalisation
            x = [torch.cat([model.tower(part) for part in parts]) for parts in contents]
            x = [model.unified(y, torch.arange(len(y))[:, None]) for y in x]
            rows = model.projection(torch.stack([model.mean(y, parts) for y, parts in zip(x, contents, strict=True)]))
            return torch.stack([model.with_lexical(y, parts) for y, parts in zip(rows, contents, strict=True)])
        q, p = (rows([parts for parts, _ in sides[side]]) for side in ("queries", "positives"))
        n = rows([parts for contents in hard for parts, _ in contents])
        return objective(q, p, n, same, owners, {side: x.double() for side, x in teachers.items()})

    values = terms()
    sum(values.values()).backward()
    gradients = {name: p.grad.clone() for name, p in parameters.items()}
    everything = sides["queries"] + sides["positives"] + sum(hard, [])
    used = sorted({i for parts, _ in everything for part in parts if part.tower == "text"
                   for i in part.inputs.tolist()})
    stored = {name: list(range(len(p))) for name, p in parameters.items()}
    stored["text.embedding.weight"], stored["projection.weight"] = used, list(range(0, 3072, 8))

    model.config["unified"]["pooling_logits"] = True
    model.unified.pooling_logits = nn.Parameter(torch.tensor(LOGITS, dtype=torch.float64))
    weighted = sum(terms().values())
    gradients_of = [dict(model.named_parameters())[name] for name in WEIGHTED]
    weighted_gradients = dict(zip(WEIGHTED, torch.autograd.grad(weighted, gradients_of), strict=True))
    del model.config["unified"]["pooling_logits"], model.unified.pooling_logits

    model.config["text"] |= BIGRAMS
    table, projection = (torch.randn(*shape, generator=inputs.random).double() for shape in ((50, 6), (model.config["width"], 6)))
    model.text.bigram_embedding = nn.Embedding.from_pretrained(table, freeze=False)
    model.text.bigram_projection = nn.Linear(6, model.config["width"], bias=False, dtype=torch.float64)
    model.text.bigram_projection.weight.data.copy_(projection)
    with_bigrams = sum(terms().values())
    gradients_of = [dict(model.named_parameters())[name] for name in OF_BIGRAMS]
    bigram_gradients = dict(zip(OF_BIGRAMS, torch.autograd.grad(with_bigrams, gradients_of), strict=True))
    del model.text.bigram_embedding, model.text.bigram_projection
    for key in BIGRAMS:
        del model.config["text"][key]

    # Two of a query's five pieces are a prompt; the shorter prompt that begins it, too, is none there.
    prompt = sides["queries"][0][0][0].inputs[:2].tolist()
    model.lexical = LEXICAL | {"prompts": [prompt[:1], prompt]}
    model.text.lexical_rarity = torch.arange(model.config["text"]["vocabulary_size"]) % 7 / 2
    whole, rows = model.projection.weight, 3072 - sum(LEXICAL["widths"])
    model.projection.weight = nn.Parameter(whole[:rows].detach().clone())
    lexical = sum(terms().values())
    gradients_of = [dict(model.named_parameters())[name] for name in OF_LEXICAL]
    lexical_gradients = dict(zip(OF_LEXICAL, torch.autograd.grad(lexical, gradients_of), strict=True))
    lexical_gradients["projection.weight"] = lexical_gradients["projection.weight"][::8]
    of_lexical = model.lexical
    model.lexical, model.projection.weight = None, whole
    del model.text.lexical_rarity

    before = {name: p.detach().clone() for name, p in parameters.items()}
    o = OPTIMIZER
    groups = parameter_groups(parameters)
    adamw = torch.optim.AdamW(groups, lr=o["rate"], betas=(o["beta1"], o["beta2"]), eps=o["epsilon"])
    losses = []
    for step in range(o["steps"]):
        adamw.zero_grad()
        loss = sum(terms().values())
        loss.backward()
        losses.append(loss.item())
        nn.utils.clip_grad_norm_([p for group in groups for p in group["params"]], o["max_norm"])
        for group in adamw.param_groups:
            group["lr"] = rate(step) * group["factor"]
        adamw.step()

    described = {"queries": [d for _, d in sides["queries"]], "positives": [d for _, d in sides["positives"]],
                 "negatives": [[d for _, d in contents] for contents in hard]}
    tensors = {name: {"norm": gradients[name].norm().item()} for name in stored}
    for name, rows in stored.items():
        if len(rows) < len(parameters[name]):
            tensors[name]["rows"] = rows
    sections = {"batch": described, "objective": LOSS, "optimizer": OPTIMIZER,
                "loss": sum(values.values()).item(), "terms": {name: x.item() for name, x in values.items()},
                "losses": losses, "weighted": {"logits": LOGITS, "loss": weighted.item()},
                "bigrams": BIGRAMS | {"loss": with_bigrams.item()},
                "lexical": {"part": of_lexical, "loss": lexical.item()}, "tensors": tensors}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in sections.items())
    (folder / "gradients.json").write_text(f"{{\n{lines}\n}}\n")
    arrays = inputs.tensors | {f"teacher.{side}": x for side, x in teachers.items()}
    for name, rows in stored.items():
        arrays[f"gradient.{name}"] = gradients[name][rows].float().contiguous()
        arrays[f"change.{name}"] = (parameters[name].detach() - before[name])[rows].float().contiguous()
    arrays |= {f"weighted.{name}": x.float().contiguous() for name, x in weighted_gradients.items()}
    arrays |= {f"bigrams.{name}": x.float() for name, x in zip(OF_BIGRAMS, (table, projection), strict=False)}
    arrays |= {f"bigrams.gradient.{name}": x.float().contiguous() for name, x in bigram_gradients.items()}
    arrays |= {f"lexical.gradient.{name}": x.float().contiguous() for name, x in lexical_gradients.items()}
    (folder / "gradients.safetensors").write_bytes(save(arrays))
    (folder / "MANIFEST.sha256").write_text(manifest(folder))
    print(f"loss {sections['loss']:.6f}, after {o['steps']} steps {sum(terms().values()).item():.6f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else FIXTURES)

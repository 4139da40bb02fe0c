#!/usr/bin/env python3
"""Shows that the trainers of texts, pictures and sounds compute docs/model.md: their vectors against tools/reference on the model folder made of them, and their gradients against those of the reference.

    tools/training/check.py

Everything is made here: random weights and contents, a tokenizer trained on a few lines.
"""
import argparse
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from PIL import Image

TOOLS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOOLS / "data"), str(TOOLS / "reference")]

import layers  # noqa: E402
import media_batches  # noqa: E402
import model as reference  # noqa: E402
import model_to_student  # noqa: E402
import progress  # noqa: E402
import student_to_model  # noqa: E402
import towers_to_model  # noqa: E402
from joined_model import PICTURE_LOGIT, Joined  # noqa: E402
from media_model import MediaStudent  # noqa: E402
from media_views import heard, patches_of  # noqa: E402
from optimisers import RowTable  # noqa: E402
from progress import Progress  # noqa: E402
from ranks import Ranks  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from text_model import Student, packed  # noqa: E402

NEAR, NEAR_GRADIENT, NEAR_PIXELS, NEAR_ROUGH = 2e-6, 1e-5, 2e-3, 2e-2
"""Of values of vectors, of gradients against their largest, of vectors of pictures whose pixels were rounded, of vectors whose products were in bfloat16."""
SHAPES = argparse.Namespace(blocks=2, unified=1, mlp=96, unified_mlp=64, heads=6, bigrams=500)
CONFIG = {
    "format": "castor-1", "name": "check", "width": 384, "heads": 6, "mlp_width": 96, "norm_epsilon": 1e-6, "max_tokens": 8192, "output_dimensions": 384, "matryoshka_dimensions": [384],
    "text": {"blocks": 0, "vocabulary_size": 300, "rope_base": 10000, "bigram_rows": 500, "bigram_width": 64},
    "image": {"blocks": 0, "patch_size": 16, "max_patches": 64, "rope_base": 100, "position_waves": 6, "gradient_orientations": 8},
    "audio": {"blocks": 0, "sample_rate": 16000, "window_length": 400, "hop_length": 160, "fft_length": 512, "mel_bands": 80, "patch_frames": 8, "rope_base": 10000},
    "unified": {"blocks": 0, "rope_base": 10000, "pooling_logits": True},
}
LINES = ["a sleepy kitten", "parse the HTTPHeader of base64Encode", "Der Hund sieht den Mann, nicht umgekehrt.", "one two three four five six seven eight nine ten"] * 20
TEXTS = ["a kitten", "def parse_HTTPHeader(self): return base64Encode(x)", "Hund", "", "two " * 40, "nine sleepy dogs see the man"]


def shown(what: str, value: float, most: float) -> None:
    print(f"{what}: {value:.1e} (at most {most:.0e})")
    if not value <= most:
        sys.exit(f"{what}: too far")


def randomised(module: torch.nn.Module) -> None:
    """As weights are in f16, so that a folder keeps them."""
    for name, parameter in module.named_parameters():
        parameter.data = (1 + 0.1 * torch.randn_like(parameter) if name.endswith("norm") else torch.randn_like(parameter) / parameter.shape[-1] ** 0.5).half().float()


def text_student() -> Student:
    student = Student(300, SHAPES)
    randomised(student)
    for table in (student.embedding, student.bigrams):
        table.value = torch.randn_like(table.value).half().float()
    return student


def texts(student: Student, model: reference.Castor) -> None:
    """Vectors and gradients of a batch, and of each text by itself; and the batch in bfloat16."""
    rows = [model.read_text(text).inputs.numpy() for text in TEXTS]
    y = student(packed(rows, student.vocabulary, student.bigram_rows), keep=True)
    z = torch.stack([model([model.read_text(text)]) for text in TEXTS])
    shown("texts", float((y - z).detach().abs().max()), NEAR)
    layers.Products.type = torch.bfloat16
    with torch.no_grad():
        rough = student(packed(rows, student.vocabulary, student.bigram_rows))
    layers.Products.type = torch.float32
    shown("texts in bfloat16", float((rough - z).detach().abs().max()), NEAR_ROUGH)
    toward = torch.randn_like(y)
    (y * toward).sum().backward()
    (z * toward).sum().backward()
    ids, gradient = student.embedding.kept[0][0], student.embedding.kept[0][1].grad
    found = {"text.embedding.weight": torch.zeros(300, 384).index_add_(0, ids, gradient)}
    found |= {"projection.weight": student.head.weight.grad, "text.blocks.0.attention.qkv.weight": student.blocks[0].qkv.weight.grad, "unified.blocks.0.mlp.down.weight": student.unified[0].down.weight.grad,
              "text.blocks.1.mlp_norm.weight": student.blocks[1].mlp_norm.grad, "text.bigram_projection.weight": student.projection.grad}
    expected = dict(model.named_parameters())
    for name, gradient in found.items():
        right = expected[name].grad
        shown(f"gradient of {name}", float((gradient - right).abs().max() / right.abs().max()), NEAR_GRADIENT)


def picture(width: int, height: int) -> Image.Image:
    ramp = np.linspace(0, 255, width * height * 3).reshape(height, width, 3)
    return Image.fromarray(((ramp * 7 + 40 * np.sin(ramp / 9)) % 256).astype(np.uint8))


def media(student: MediaStudent, model: reference.Castor, folder: Path) -> None:
    contents, z = [], []
    for index, size in enumerate(((160, 144), (144, 250), (400, 128)) if student.tower == "image" else (3000, 41_000, 16_000)):
        if student.tower == "image":
            image = picture(*size)
            pixels, edges, grid = patches_of(image, 64)
            places = np.stack(np.divmod(np.arange(len(pixels)), grid[1]), 1)
            content = (pixels, edges, grid), places, np.zeros(2280)
            path = folder / f"{index}.png"
            image.save(path)
            z.append(model([model.read_image(path)]).detach())
        else:
            samples = np.sin(np.arange(size) ** 1.3 / 50).astype(np.float32) * np.linspace(0.1, 0.9, size, dtype=np.float32)
            patches = heard(samples)
            content = patches, np.arange(len(patches))[:, None], np.zeros(911)
            z.append(model([reference.Part("audio", torch.from_numpy(patches).float(), torch.arange(len(patches))[:, None])]).detach())
        contents.append(content)

    with torch.no_grad():
        y = student(made("pictures" if student.tower == "image" else "sounds", contents))["y"]
    shown(student.tower, float((y - torch.stack(z)).abs().max()), NEAR_PIXELS if student.tower == "image" else NEAR)


def mixed(joined: Joined, model: reference.Castor, folder: Path) -> None:
    """Texts before and after pictures."""
    sizes, first = ((160, 144), (144, 250), (400, 128)), np.array([True, False, True])
    contents = []
    for size in sizes:
        pixels, edges, grid = patches_of(picture(*size), 64)
        contents.append(((pixels, edges, grid), np.stack(np.divmod(np.arange(len(pixels)), grid[1]), 1), np.zeros(2280)))
    pictures = made("pictures", contents)
    rows = [model.read_text(text).inputs.numpy() for text in TEXTS[:3]]
    with torch.no_grad():
        y = joined.mixed(packed(rows, joined.text.vocabulary, joined.text.bigram_rows), pictures, first)
        z = []
        for index, text in enumerate(TEXTS[:3]):
            parts = [model.read_text(text), model.read_image(folder / f"{index}.png")]
            z.append(model(parts if first[index] else parts[::-1]))
    shown("mixed", float((y - torch.stack(z)).abs().max()), NEAR_PIXELS)


def made(kind: str, contents: list) -> dict:
    """A batch of contents."""
    source = argparse.Namespace(kind=kind, content=lambda index, view: contents[index])
    return media_batches.batch_of([(source, index, 0) for index in range(len(contents))], None)


def mirrored() -> None:
    """A mirrored batch is the batch of the mirrored picture."""
    image = picture(160, 144)
    turned = image.transpose(Image.FLIP_LEFT_RIGHT)
    (x, _, raster), (y, _, _) = (
        media_batches.picture(found, flip, np.stack(np.divmod(np.arange(len(found[0])), found[2][1]), 1)) for found, flip in ((patches_of(image, 64), True), (patches_of(turned, 64), False))
    )
    shown("mirrored", float(np.abs(x[np.argsort(raster)] - y).max()), 2e-2)


def faster_speech() -> None:
    """Frames and the teacher's steps stay beside each other, and silence around them goes: frames and steps that are numbered in order, of which the first and last 16 are quiet."""
    random = np.random.default_rng(1)
    for quiet in (0, 16):
        frames = np.repeat(np.arange(96, dtype=np.float32)[:, None], 80, 1) + 1000
        frames[:quiet], frames[len(frames) - quiet :] = 0, 0
        for _ in range(50):
            x, steps = media_batches.changed_speech(frames.reshape(12, 640), np.arange(12, dtype=np.float32)[:, None], random)
            x = x.reshape(-1, 80)[:, 0]
            heard = np.flatnonzero(x > 0 if quiet else x > 1000)
            apart = np.diff(x[heard][2:-2])
            if quiet and not (12 <= 64 / len(heard) * 16 <= 28 and len(x) <= 96 / 0.8 + 8) or np.ptp(apart) > 0.01 or not 0.79 < apart.mean() < 1.61:
                sys.exit(f"speech of {len(frames)} frames became {x}")
            at = [patch for patch in range(len(steps)) if 8 * patch > heard[2] and 8 * patch + 8 < heard[-2]]
            far = np.abs((x.reshape(-1, 8)[at].mean(1) - 1000 - 3.5) / 8 - steps[at, 0]).max(initial=0)
            if far > 0.01:
                sys.exit(f"the teacher's steps are {far} of a step from their frames")


def rows_of_a_table() -> None:
    """Two batches before a step count as one."""
    tables = [RowTable(torch.ones(5, 3)) for _ in range(2)]
    parts = [torch.tensor([0, 1, 1]), torch.tensor([1, 4])]
    for part in parts:
        (tables[0].gather(part, True) * part[:, None]).sum().backward()
    (tables[1].gather(torch.cat(parts), True) * torch.cat(parts)[:, None]).sum().backward()
    for table in tables:
        table.step(0.1)
    shown("rows of a table", float((tables[0].value - tables[1].value).abs().max()), 0)
    shown("rows that no text has", float((tables[0].value[2:4] - 1).abs().max()), 0)


def way_back(model: Path, folder: Path) -> None:
    """A model's folder gives the states that it was made of."""
    sys.argv = ["", str(model), str(folder / "back")]
    model_to_student.main()
    for name in ("texts", "pictures", "sounds"):
        was, back = (torch.load(path / f"{name}.pt", weights_only=False) for path in (folder, folder / "back"))
        differences = [float((was["weights"][key] - value).abs().max()) for key, value in back["weights"].items()]
        differences += [float((a["value"] - b["value"]).abs().max()) for a, b in zip(was.get("tables", []), back.get("tables", []))]
        lost = set(was["weights"]) - set(back["weights"])
        if any(not key.startswith("features.") for key in lost):
            sys.exit(f"the way back of {name} lost {sorted(lost)}")
        shown(f"the way back of {name}", max(differences), 1e-3)


def more_hours(folder: Path) -> None:
    """A stage that is given more hours goes on from before its rates fell; one that was stopped, from where it was."""
    # Saved every second step of six minutes: at 18 before it stopped at 19; at 15 rates began to fall.
    clock, at = [0.0], {}
    progress.time = argparse.Namespace(process_time=lambda: clock[0], strftime=lambda _: "")
    for hours, end in ((2, 1.9), (2, 2), (4, 3.5), (4, 4)):
        stage = Progress(folder / "stage", hours, 100)
        stage.say = lambda *_: None
        at[hours, end] = (stage.restored() or {"state": 0})["state"]
        stage.begin()
        while stage.used < end * 3600:
            clock[0] += 360
            stage.after_step({}, lambda: {"state": stage.step}, dict)
    if list(at.values()) != [0, 18, 15, 35]:
        sys.exit(f"stages went on from {at}")


def mean_of_ranks() -> None:
    """Two processes: of weights the mean; of a table's row the mean of those that changed it."""
    ranks = Ranks(2)
    weight, table = torch.zeros(3), torch.ones(4, 2)
    ranks.begin([weight], [table])
    for time in range(2):
        weight += 2 + 2 * ranks.rank
        table[0] += 1
        table[1 + ranks.rank] += 4
        ranks.average()
        expected = torch.tensor([1.0, 4, 4, 0]) * (time + 1) + 1
        expected[0] = 2 + time
        if not (torch.equal(weight, torch.full((3,), 3.0 * (time + 1))) and torch.equal(table, expected[:, None].expand(4, 2))):
            sys.exit(f"rank {ranks.rank} has {weight} and {table}")
    if ranks.first(ranks.rank + 7) != 7:
        sys.exit(f"rank {ranks.rank} does not have what the first one has")
    ranks.end()


def main() -> None:
    if sys.argv[1:] == ["ranks"]:
        return mean_of_ranks()
    subprocess.run([sys.executable, __file__, "ranks"], check=True)
    print("the mean of two processes")
    torch.manual_seed(1)
    torch.set_num_threads(1)
    layers.Products.type = torch.float32
    layers.CHUNK = 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(LINES), model_writer=written, vocab_size=300, byte_fallback=True, eos_id=1, bos_id=-1, unk_id=0, hard_vocab_limit=False,
                                                 normalization_rule_name="nmt_nfkc_cf", minloglevel=2)
        template = folder / "template"
        template.mkdir()
        (template / "config.json").write_text(json.dumps(CONFIG))
        (template / "tokenizer.model").write_bytes(written.getvalue())
        model = reference.Castor(CONFIG)
        save_file(model.state_dict(), template / "model.safetensors", {"castor.state": "untrained"})
        student = text_student()
        torch.save({"weights": student.state_dict(), "tables": [student.embedding.state(), student.bigrams.state()]}, folder / "texts.pt")
        towers = {}
        for tower, option, count in (("image", "pictures", 1280), ("audio", "sounds", 384)):
            towers[option] = MediaStudent(tower, SHAPES, {option: count})
            randomised(towers[option])
            towers[option].take_texts(torch.load(folder / "texts.pt", weights_only=False))
            torch.save({"weights": towers[option].state_dict()}, folder / f"{option}.pt")
        logits = torch.tensor([0, PICTURE_LOGIT, 0, 0, 0])
        save_file(model.state_dict() | {"unified.pooling_logits": logits}, template / "model.safetensors", {"castor.state": "untrained"})
        out = folder / "model"
        sys.argv = ["", str(folder / "texts.pt"), str(template / "tokenizer.model"), str(template), str(out)]
        student_to_model.main()
        sys.argv = ["", str(out), *(part for option in towers for part in (f"--{option}", str(folder / f"{option}.pt")))]
        towers_to_model.main()
        model = reference.load(out)
        texts(student, model)
        for tower in towers.values():
            media(tower, model, folder)
        states = {option: torch.load(folder / f"{option}.pt", weights_only=False) for option in towers}
        mixed(Joined(torch.load(folder / "texts.pt", weights_only=False), states), model, folder)
        for state in states.values():
            state["weights"] = {name: value for name, value in state["weights"].items() if not name.startswith("features.")}
        mixed(Joined(torch.load(folder / "texts.pt", weights_only=False), states), model, folder)
        way_back(out, folder)
        more_hours(folder)
    mirrored()
    faster_speech()
    rows_of_a_table()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A picture tower of one block to start from, instead of a random one: random features of patches, and a readout that tells their meaning.

    tools/data/picture_tower.py MODEL SETS

MODEL is an untrained model folder whose `image` has one block and place and edge features in its patches (docs/model.md section 4), SETS what media_sets.py wrote. Rewrites
the image tower:

- The patch embedding hands on edges, place and colour one by one, and principal components of the pixels in what is left of the width, beside a constant in the direction that the
  projection head does not see, so that norms hardly depend on the patch.
- `mlp.up` mixes them at random (Rahimi and Recht 2008, "Weighted Sums of Random Kitchen Sinks"), attention passes on nothing.
- `mlp.down` is fitted to the mean of the hidden values over a picture: divergence of its cosines with the teacher's vectors of other pictures of the same source, as in
  training, but on numbers computed once: thousands of steps a minute. Every tenth picture is held out and says when to stop.
"""
import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from model import load  # noqa: E402

CONSTANT, SPREAD = 17.0, 0.5
"""Length of the constant, and deviation of each other component: together about 1 a component."""
PLACE, PIXELS = 1.5, 0.4
"""Share of place and of pixels in the random mixtures, beside edges and colour."""
TEMPERATURE, STEPS, BATCH, RATE, DECAY = 0.05, 5000, 256, 4e-3, 0.05
STEADY = 1.5
"""The constant that the readout adds in the unseen direction, beside the length of a patch's readout."""


def samples(sets: Path) -> dict[str, list[tuple[Path, int]]]:
    """source -> (picture, row of pictures-SOURCE-alone.npy)"""
    found = {}
    for path in sorted(sets.glob("pictures-*-alone.jsonl")):
        lines = [json.loads(line) for line in open(path, encoding="utf-8")]
        found[path.stem] = [(Path(line["query"]["parts"][0]["fileData"]["fileUri"]), row) for row, line in enumerate(lines)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("sets", type=Path)
    arguments = parser.parse_args()
    began = time.time()
    random = np.random.default_rng(1)
    model = load(arguments.model)
    path = arguments.model / "model.safetensors"
    tensors = load_file(path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata() or {}
    image, width = model.config["image"], model.config["width"]
    pixels = 3 * image["patch_size"] ** 2
    places = image["position_waves"] ** 2 - 1
    edges = 4 * image["gradient_orientations"]

    by_source = samples(arguments.sets)
    files = list(dict.fromkeys(name for found in by_source.values() for name, _ in found))
    number = {name: index for index, name in enumerate(files)}
    patches = []
    for index, name in enumerate(files):
        with torch.inference_mode():
            patches.append(model.read_image(name).inputs.numpy().astype(np.float16))
        if index % 2000 == 1999:
            print(f"{index + 1:,} of {len(files):,} pictures read, {time.time() - began:.0f} s", file=sys.stderr, flush=True)

    # The direction that the head sees least of, after the gains of the last norm.
    head = tensors["projection.weight"].astype(np.float64) * tensors["unified.norm.weight"].astype(np.float64)
    unseen = np.linalg.svd(head)[2][-1]
    basis = np.linalg.qr(np.concatenate([unseen[:, None], random.normal(size=(width, width - 1))], 1))[0][:, 1:]  # [width, width - 1]

    sample = np.concatenate([patches[index].astype(np.float32) for index in random.permutation(len(files))[:2500]])
    colour = np.zeros((pixels, 3), np.float32)
    for channel in range(3):
        colour[channel::3, channel] = 3 / pixels
    mean, deviation = sample.mean(0), sample.std(0) + 1e-6
    components = width - 1 - edges - places - 3
    values, axes = np.linalg.eigh(np.cov(sample[:, :pixels].T))
    values, axes = values[::-1][:components], axes[:, ::-1][:, :components]
    maps = np.zeros((width - 1, sample.shape[1]))
    maps[:edges, pixels + places:] = np.diag(1 / deviation[pixels + places:])
    maps[edges:edges + places, pixels:pixels + places] = np.diag(1 / deviation[pixels:pixels + places])
    shades = sample[:, :pixels] @ colour
    maps[edges + places:edges + places + 3, :pixels] = (colour / shades.std(0)).T
    maps[edges + places + 3:, :pixels] = (axes / np.sqrt(values + 1e-3 * values[0])).T
    embedding = SPREAD * basis @ maps
    bias = CONSTANT * unseen - embedding @ mean

    hidden_width = model.config["mlp_width"]
    shares = np.concatenate([np.ones(edges), np.full(places, PLACE), np.ones(3), np.full(components, PIXELS)])
    counts = np.concatenate([np.full(edges, edges + 3), np.full(places, places), np.full(3, edges + 3), np.full(components, components)])
    mixture = random.normal(size=(hidden_width, width - 1)) * shares / np.sqrt(counts)
    length = np.sqrt(CONSTANT**2 + SPREAD**2 * (width - 1)) / np.sqrt(width)
    up = (mixture / SPREAD) @ basis.T * length - random.uniform(0, 1.5, hidden_width)[:, None] * unseen * length / CONSTANT

    # Means of the hidden values and of the tokens themselves, pictures and their mirror images' place left out.
    weight, offset, matrix = (torch.tensor(x, dtype=torch.float32) for x in (embedding, bias, up))
    hidden = np.empty((len(files), hidden_width), np.float32)
    tokens = np.empty((len(files), width), np.float32)
    with torch.inference_mode():
        for index, patch in enumerate(patches):
            x = F.linear(torch.from_numpy(patch).float(), weight, offset)
            hidden[index] = F.gelu(F.linear(F.rms_norm(x, (width,), eps=1e-6), matrix), approximate="none").mean(0)
            tokens[index] = x.mean(0)
    print(f"hidden values of {len(files):,} pictures, {time.time() - began:.0f} s", file=sys.stderr, flush=True)
    np.savez("/work/run/exp/cache.npz", hidden=hidden, tokens=tokens, embedding=embedding, bias=bias, up=up, unseen=unseen, head=head)

    centre, spread = torch.tensor(hidden.mean(0)), torch.tensor(hidden.std(0) + 1e-3)
    z, x = (torch.tensor(hidden) - centre) / spread, torch.tensor(tokens)
    held = np.array([index % 10 == 0 for index in range(len(files))])
    sources = {}
    for name, found in by_source.items():
        teacher = torch.from_numpy(np.load(arguments.sets / f"{name}.npy").astype(np.float32))
        where = np.array([number[file] for file, _ in found])
        rows = np.array([row for _, row in found])
        sources[name] = (where, rows, F.normalize(teacher), held[where])
    # Numbers of pictures differ by more than what is to be learned from them does.
    share = np.array([len(where) ** 0.5 for where, *_ in sources.values()])
    share /= share.sum()
    projection = torch.tensor(head, dtype=torch.float32)
    down = torch.zeros(width, hidden_width, requires_grad=True)
    optimizer = torch.optim.AdamW([down], lr=RATE, betas=(0.9, 0.99), weight_decay=DECAY)

    def loss(name: str, chosen: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        where, rows, teacher, _ = sources[name]
        t = teacher[rows[chosen]]
        y = F.normalize((x[where[chosen]] + z[where[chosen]] @ down.T) @ projection.T)[:, : t.shape[1]]
        want, have = F.log_softmax(t @ t.T / TEMPERATURE, 1), F.log_softmax(y @ t.T / TEMPERATURE, 1)
        right = (t @ t.T > 0.999).float()
        hit = right.gather(1, (y @ t.T).argmax(1)[:, None]).mean()
        return (want.exp() * (want - have)).sum(1).mean() + 2 * (1 - (y * t).sum(1)).mean(), hit

    def held_out() -> tuple[float, str]:
        total, told = 0.0, []
        with torch.inference_mode():
            for name, (where, rows, teacher, is_held) in sources.items():
                value, hit = loss(name, np.flatnonzero(is_held)[:400])
                total += float(value)
                told.append(f"{name.split('-', 1)[1].removesuffix('-alone')} {float(hit):.3f}")
        return total / len(sources), ", ".join(told)

    names, best, kept = list(sources), float("inf"), None
    for step in range(STEPS):
        name = names[random.choice(len(names), p=share)]
        free = np.flatnonzero(~sources[name][3])
        value, _ = loss(name, random.choice(free, min(BATCH, len(free)), replace=False))
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        if step % 100 == 99:
            value, told = held_out()
            print(f"step {step + 1}, held out: loss {value:.3f}; told from the others of its source: {told}; {time.time() - began:.0f} s", file=sys.stderr, flush=True)
            if value < best:
                best, kept = value, down.detach().clone()

    # What the readout says of the mean picture is left out, and a constant in the unseen direction takes its place.
    matrix = (kept / spread).double()
    along = centre.double() / (centre.double() @ centre.double())
    matrix -= torch.outer(matrix @ centre.double(), along)
    with torch.inference_mode():
        tokens_of_some = torch.cat([torch.from_numpy(patches[index]).float() for index in range(0, len(files), max(1, len(files) // 200))])
        some = F.gelu(F.linear(F.rms_norm(F.linear(tokens_of_some, weight, offset), (width,), eps=1e-6), torch.tensor(up, dtype=torch.float32)))
        length = float((some.double() @ matrix.T).norm(dim=1).square().mean().sqrt())
    matrix += torch.outer(torch.from_numpy(unseen), along) * STEADY * length
    print(f"a patch's readout is {length:.1f} long, a picture's mean one {float((z @ kept.T).norm(dim=1).mean()):.1f}", file=sys.stderr)
    block = "image.blocks.0"
    for name in (f"{block}.attention_norm.weight", f"{block}.mlp_norm.weight", "image.norm.weight"):
        tensors[name] = np.ones_like(tensors[name])
    tensors["image.patch_embedding.weight"] = embedding.astype(np.float16)
    tensors["image.patch_embedding.bias"] = bias.astype(np.float16)
    tensors[f"{block}.attention.output.weight"] = np.zeros_like(tensors[f"{block}.attention.output.weight"])
    tensors[f"{block}.mlp.up.weight"] = up.astype(np.float16)
    tensors[f"{block}.mlp.down.weight"] = matrix.numpy().astype(np.float16)
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, metadata)
    temporary.rename(path)
    print(f"picture tower of {len(files):,} pictures, {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()

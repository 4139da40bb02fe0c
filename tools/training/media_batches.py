"""What media_student.py draws its batches from: patches that media_views.py made, what media_teachers.py made of the same views, and texts by media_texts.py."""
import copy
import functools
import json
import math
from pathlib import Path

import media_files
import numpy as np
import torch
from layers import laid_out
from media_model import place_features

FEATURES = {"pictures": 1280, "sounds": 384, "speech": 512}
CLEAN = 0.3
"""Share of contents as they are; the others are changed views."""
QUIET = 0.3
"""Of the way from the quietest to the loudest frame: below it nobody speaks."""
RATES = 0.8, 1.6
"""Least and largest change of the rate of speech."""
MIRRORED = [quarter * 8 + (8 - orientation) % 8 for quarter in (1, 0, 3, 2) for orientation in range(8)]
"""Where a patch's edges are after the picture was mirrored: left and right quarters exchanged, directions turned over."""


class Texts:
    def __init__(self, folder: Path):
        info = json.loads((folder / "texts.json").read_text())
        self.number = {text: index for index, text in enumerate(info["texts"])}
        self.vectors = torch.from_numpy(np.load(folder / "texts.npy").astype(np.float32))
        self.names = {kind: self.vectors[info[kind]] for kind in ("pictures", "sounds")}


class Source:
    """The files of one source with all views that both the teacher and the front-end have seen."""

    def __init__(self, kind: str, name: str, files: list[media_files.File], views: Path, teachers: Path, texts: Texts, everything: bool = False):
        self.kind, self.name, self.files = kind, name, files
        self.views = []
        folder, seen = views / kind, teachers / kind
        for view in range(8):
            last = folder / f"{name}-{view}-{'grids' if kind == 'pictures' else 'ends'}.npy"
            by_teacher = seen / (f"{name}.npy" if kind == "speech" else f"{name}-{view}.npy")
            if not last.exists() or not by_teacher.exists():
                continue
            teacher = np.load(by_teacher, mmap_mode="r")
            if kind == "pictures":
                grids = np.load(last)
                ends = grids.prod(1).cumsum()
                patches = np.memmap(folder / f"{name}-{view}.u8", np.uint8, "r", shape=(int(ends[-1]), 768))
                self.views.append((patches, ends, teacher, grids, np.load(folder / f"{name}-{view}-edges.npy", mmap_mode="r")))
            else:
                self.views.append((np.load(folder / f"{name}-{view}.npy", mmap_mode="r"), np.load(last), teacher, None, None))
        if kind == "speech" and self.views:
            self.steps = np.load(seen / f"{name}-ends.npy")
        self.set = media_files.CLASSED.get(name, "")
        self.labels = [texts.number.get(file.label, -1) if file.label else -1 for file in files]
        self.texts = [[texts.number[text] for text in file.texts if text in texts.number] for file in files]
        self.held = np.array([file.held for file in files], bool)
        self.unseen = np.array([bool(self.set) and media_files.unseen(self.set, file.label) for file in files], bool)
        # What may be learned, and what may be learned but for its name.
        self.free, self.nameless = np.flatnonzero(~self.held | everything), self.unseen & (not everything)

    def parts(self) -> list["Source"]:
        """A source of each kind of its files; itself, if there are none."""
        kinds = np.array([file.part for file in self.files])
        found = []
        for kind in np.unique(kinds) if kinds.any() else ():
            part = copy.copy(self)
            part.name, part.free, part.held = f"{self.name} {kind}", self.free[kinds[self.free] == kind], self.held & (kinds == kind)
            found.append(part)
        return found or [self]

    def text(self, random: np.random.Generator, index: int) -> int:
        """-1: none that may be learned."""
        if self.set:
            return -1 if self.nameless[index] else self.labels[index]
        return random.choice(self.texts[index]) if self.texts[index] else -1

    def content(self, index: int, view: int):
        """Its patches, their positions, what the teacher made of it."""
        patches, ends, teacher, grids, edges = self.views[view]
        start, end = (ends[index - 1] if index else 0), ends[index]
        if self.kind == "pictures":
            rows, columns = grids[index]
            places = np.stack(np.divmod(np.arange(rows * columns), columns), 1)
            return (patches[start:end], np.asarray(edges[start:end]), (rows, columns)), places, np.asarray(teacher[index])
        if self.kind == "speech":
            first = self.steps[index - 1] if index else 0
            return np.asarray(patches[start:end]), np.arange(end - start)[:, None], np.asarray(teacher[first : self.steps[index]])
        return np.asarray(patches[start:end]), np.arange(end - start)[:, None], np.asarray(teacher[index])


def picture(seen, mirrored: bool, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[patches, 835]: pixels, place, edges; their rows and columns; their numbers in the content."""
    pixels, edges, (rows, columns) = seen
    pixels = pixels.astype(np.float32) / 127.5 - 1
    if mirrored:
        pixels = pixels.reshape(-1, 16, 16, 3)[:, :, ::-1].reshape(len(pixels), -1)
        edges = edges[:, MIRRORED]
        places = np.stack([places[:, 0], columns - 1 - places[:, 1]], 1)
    raster = places[:, 0] * columns + places[:, 1]
    return np.concatenate([pixels, places_of(int(rows), int(columns))[raster], edges.astype(np.float32)], 1), places, raster


def changed_sound(patches: np.ndarray, random: np.random.Generator, throat: int) -> np.ndarray:
    """Louder or softer, a band gone, all bands up or down by some."""
    x = patches.astype(np.float32).reshape(-1, 8, 80)
    if shift := int(random.integers(-throat, throat + 1)):
        x = x[:, :, np.clip(np.arange(80) + shift, 0, 79)]
    x = x + random.uniform(-0.25, 0.25)
    first, count = random.integers(0, 72), random.integers(0, 12)
    x[:, :, first : first + count] = x.min()
    return x.reshape(len(x), -1)


def changed_speech(patches: np.ndarray, teacher: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Said faster or slower, with less or nothing of the silence around it, and beginning anywhere in a patch; the teacher's steps beside the same moments. Synthetic voices stop and start otherwise than people's recordings
    are cut: a number is 0.87 s long with 0.3 s of silence, those of docs/evaluation.md 0.42 s with hardly any."""
    frames = patches.astype(np.float32).reshape(-1, 80)
    loud = frames.mean(1)
    sounding = np.flatnonzero(loud >= loud.min() + QUIET * (loud.max() - loud.min()))
    first, last = sounding[0], sounding[-1] + 1
    if random.random() < 0.5:
        first, last = random.integers(0, first + 1), random.integers(last, len(frames) + 1)
    rate = math.exp(random.uniform(*np.log(RATES)))
    count = max(4, int((last - first) / rate))
    x = np.full((-(-count // 8) * 8, 80), frames.min(), np.float32)
    x[:count] = between(frames, first + (np.arange(count) + 0.5) * rate - 0.5)
    steps = (first + (8 * np.arange(len(x) // 8) + 4) * rate - 4) / 8
    return x.reshape(-1, patches.shape[1]), between(teacher.astype(np.float32), steps)


def between(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Rows at places that are no whole numbers."""
    at = np.clip(at, 0, len(rows) - 1)
    below = np.minimum(at.astype(int), max(0, len(rows) - 2))
    share = (at - below)[:, None].astype(np.float32)
    return rows[below] * (1 - share) + rows[np.minimum(below + 1, len(rows) - 1)] * share


@functools.cache
def places_of(rows: int, columns: int) -> np.ndarray:
    return place_features(rows, columns)


def batch_of(sources: list[tuple[Source, int, int]], random: np.random.Generator | None, keep: float = 1.0) -> dict:
    """Contents (source, file, view) as MediaStudent reads them; with random numbers as training shows them: mirrored or changed, a part of the patches alone."""
    rows, positions, rasters, teachers, kind = [], [], [], [], sources[0][0].kind
    for source, index, view in sources:
        patches, places, teacher = source.content(index, view)
        if kind == "pictures":
            patches, places, raster = picture(patches, random is not None and random.random() < 0.5, places)
        else:
            if kind == "speech" and random is not None and random.random() >= CLEAN:
                patches, teacher = changed_speech(patches, teacher, random)
                places = np.arange(len(patches))[:, None]
            patches = changed_sound(patches, random, 3 if kind == "speech" else 0) if random is not None else patches.astype(np.float32)
            raster = places[:, 0]
        if random is not None and keep < 1 and kind != "speech" and len(patches) > 8:
            kept = np.sort(random.choice(len(patches), int(np.ceil(keep * len(patches))), replace=False))
            patches, places, raster = patches[kept], places[kept], raster[kept]
        rows.append(patches)
        positions.append(places)
        rasters.append(raster)
        teachers.append(teacher.astype(np.float32))
    lengths = np.array([len(row) for row in rows])
    batch = laid_out(lengths)
    tokens, valid = batch["tokens"], batch["valid"]
    batch["patches"] = torch.from_numpy(np.concatenate(rows)[tokens] * valid[:, None])
    batch["positions"] = torch.from_numpy(np.concatenate(positions)[tokens] * valid[:, None])
    batch["raster"] = torch.from_numpy(np.concatenate(rasters)[tokens] * valid)
    if kind == "speech":
        # A step of the teacher beside each token, as many as both have.
        steps = [row[: len(patches)] for row, patches in zip(teachers, rows)]
        counted = np.array([len(row) for row in steps])
        there = np.concatenate([np.arange(n) < m for n, m in zip(lengths, counted)])
        of = np.concatenate([first + np.minimum(np.arange(n), m - 1) for n, m, first in zip(lengths, counted, np.cumsum(counted) - counted)])
        batch["listened"] = torch.from_numpy(np.flatnonzero(valid & there[tokens]))
        batch["features"] = torch.from_numpy(np.concatenate(steps)[of[tokens]][batch["listened"].numpy()])
    else:
        teacher, count = np.stack(teachers), FEATURES[kind]
        batch["features"], batch["logits"] = torch.from_numpy(teacher[:, :count]), torch.from_numpy(teacher[:, count:])
    return batch


def drawn_of(sources: list[Source], random: np.random.Generator, count: int) -> tuple[Source, np.ndarray, list[int]]:
    """Files of one source, and a view of each: what has to be told apart within a source is finer than between sources."""
    weight = np.array([len(source.free) ** 0.5 for source in sources])
    source = sources[random.choice(len(sources), p=weight / weight.sum())]
    chosen = random.choice(source.free, min(count, len(source.free)), replace=False)
    return source, chosen, [0 if len(source.views) == 1 or random.random() < CLEAN else int(random.integers(1, len(source.views))) for _ in chosen]


def drawn(sources: list[Source], random: np.random.Generator, count: int, keep: float) -> tuple[Source, list[int], dict]:
    """A batch, and the numbers of its texts."""
    source, chosen, views = drawn_of(sources, random, count)
    return source, [source.text(random, index) for index in chosen], batch_of([(source, index, view) for index, view in zip(chosen, views)], random, keep)

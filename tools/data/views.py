"""Views of pictures and sounds: parts of them, other colours, mixtures; the same for the same file and number, so that a model can be shown what its teacher saw."""
import hashlib
import random
import subprocess
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

RATE = 16_000
SECONDS = 5
"""The longest part of a sound."""
DRAWN, SMALL = 6, 160
"""The first of the views that look drawn, and the shorter side of those."""


def chance(name: str, view: int) -> random.Random:
    return random.Random(hashlib.sha1(f"{name} {view}".encode()).digest())


def picture(path: Path) -> Image.Image:
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode in ("RGBA", "LA", "P"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def picture_view(path: Path, name: str, view: int, all_paths: list[Path] | None = None) -> Image.Image:
    """0: the picture itself. Odd numbers: a part of 0.3 to 1 of its area, turned over half the time, brightness, contrast and colour changed. Even ones: the
    same of a mixture with another picture of `all_paths`, which has up to 0.4 of every pixel. From DRAWN on: a part in a few plain colours, some with dark outlines, as if it were drawn."""
    image = picture(path)
    if view == 0:
        return image
    pick = chance(name, view)
    image = part_of(image, pick)
    if view >= DRAWN:
        return as_drawn(image, pick)
    if view % 2 == 0 and all_paths:
        other = part_of(picture(pick.choice(all_paths)), pick).resize(image.size, Image.BILINEAR)
        image = Image.blend(image, other, 0.4 * pick.random())
    for change, most in ((ImageEnhance.Brightness, 0.4), (ImageEnhance.Contrast, 0.4), (ImageEnhance.Color, 0.5)):
        image = change(image).enhance(1 + most * (2 * pick.random() - 1))
    return image


def as_drawn(image: Image.Image, pick: random.Random) -> Image.Image:
    image = image.resize((max(1, round(image.width * SMALL / min(image.size))), max(1, round(image.height * SMALL / min(image.size)))), Image.BICUBIC)
    smooth = image.filter(ImageFilter.MedianFilter(5)).filter(ImageFilter.ModeFilter(pick.choice((3, 5, 7))))
    flat = smooth.quantize(pick.randint(4, 12), dither=Image.Dither.NONE).convert("RGB")
    flat = ImageEnhance.Color(flat).enhance(1 + pick.random())
    if pick.random() < 0.5:
        lines = smooth.convert("L").filter(ImageFilter.FIND_EDGES).point(lambda value: 255 if value > 40 else 0)
        flat.paste(tuple(pick.randint(0, 60) for _ in range(3)), mask=lines)
    return flat


def part_of(image: Image.Image, pick: random.Random) -> Image.Image:
    width, height = image.size
    area, shape = 0.3 + 0.7 * pick.random(), (3 / 4) ** (2 * pick.random() - 1)
    wide, high = min(1.0, (area * shape) ** 0.5), min(1.0, (area / shape) ** 0.5)
    left, top = (1 - wide) * pick.random() * width, (1 - high) * pick.random() * height
    image = image.crop((int(left), int(top), max(int(left) + 8, int(left + wide * width)), max(int(top) + 8, int(top + high * height))))
    return ImageOps.mirror(image) if pick.random() < 0.5 else image


def sound(path: Path) -> np.ndarray:
    """Mono, f32, 16,000 a second."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        # What libsndfile refuses, FFmpeg reads.
        command = ["ffmpeg", "-v", "error", "-i", path, "-f", "f32le", "-ac", "1", "-ar", str(RATE), "-"]
        samples, rate = np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.float32)[:, None], RATE
    samples = samples.mean(1)
    if rate != RATE:
        from math import gcd

        from scipy.signal import resample_poly
        samples = resample_poly(samples, RATE // gcd(rate, RATE), rate // gcd(rate, RATE)).astype(np.float32)
    return samples


def sound_view(path: Path, name: str, view: int, all_paths: list[Path] | None = None) -> np.ndarray:
    """0: the sound, at most its first five seconds. Odd numbers: a part of at least half of it, at 0.85 to 1.18 of its rate and other loudness; even ones: the same
    of a mixture with another of `all_paths`, 0 to 12 dB below."""
    samples = sound(path)
    most = SECONDS * RATE
    if view == 0:
        return samples[:most]
    pick = chance(name, view)
    samples = changed(samples, pick, most)
    if view % 2 == 0 and all_paths:
        other = changed(sound(pick.choice(all_paths)), pick, most)
        place = int(max(0, len(samples) - len(other)) * pick.random())
        level = loudness(samples) / (loudness(other) + 1e-6) * 10 ** (-12 * pick.random() / 20)
        other = other[: len(samples) - place]
        samples[place : place + len(other)] += level * other
    samples = samples * 10 ** ((-18 + 18 * pick.random()) / 20) / (np.abs(samples).max(initial=1e-4) + 1e-6)
    return samples.astype(np.float32)


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.square(samples).mean())) if len(samples) else 0.0


def changed(samples: np.ndarray, pick: random.Random, most: int) -> np.ndarray:
    length = int(len(samples) * (0.5 + 0.5 * pick.random()))
    begin = int((len(samples) - length) * pick.random())
    samples = samples[begin : begin + max(length, 400)][: int(most / 1.18)]
    speed = 0.85 * (1.18 / 0.85) ** pick.random()
    return np.interp(np.arange(0, max(1, len(samples) - 1), speed), np.arange(len(samples)), samples).astype(np.float32)

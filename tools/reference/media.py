"""Files to pixels and samples, as docs/model.md section 4 defines them."""

import io
import math
import re
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pillow_heif
import soundfile
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None

ORIENTATION_TAG = 0x0112


def grid(height: int, width: int, max_patches: int) -> tuple[int, int]:
    """Rows and columns of patches for a picture of this size."""
    def clamp(x: float, top: int) -> int:
        return min(max(math.floor(x), 1), top)

    rows = clamp(math.sqrt(max_patches * height / width), max_patches)
    columns = clamp(math.sqrt(max_patches * width / height), max_patches // rows)
    return rows, columns


def load_pixels(path: Path, patch_size: int, max_patches: int) -> tuple[np.ndarray, tuple[int, int]]:
    """u8 [h, w, 3], upright, over white, a JPEG file at its reduced scale; and the grid of its full size."""
    with Image.open(path) as image:
        width, height = image.size
        turned = image.getexif().get(ORIENTATION_TAG, 1) >= 5
        rows, columns = grid(width, height, max_patches) if turned else grid(height, width, max_patches)
        if image.format in ("JPEG", "MPO"):
            least = 2 * columns * patch_size, 2 * rows * patch_size
            image.draft(None, least[::-1] if turned else least)
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            pixels = np.asarray(image) >> 8                                  # the high byte of 16 bits
            return np.repeat(pixels.astype(np.uint8)[:, :, None], 3, axis=2), (rows, columns)
        if image.has_transparency_data:
            rgba = np.asarray(image.convert("RGBA")).astype(np.uint32)
            color, alpha = rgba[:, :, :3], rgba[:, :, 3:]
            pixels = (color * alpha + 255 * (255 - alpha) + 127) // 255      # rounded; a tie is impossible
            return pixels.astype(np.uint8), (rows, columns)
        return np.array(image.convert("RGB")), (rows, columns)


def place_features(rows: int, columns: int, waves: int) -> Tensor:
    """[rows * columns, waves^2 - 1] f64, cosines of a patch's place, the slow ones first; the constant is left out."""
    def cosines(cells: int) -> Tensor:
        centres = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells
        return torch.cos(math.pi * centres[:, None] * torch.arange(waves))
    grid = cosines(rows)[:, None, :, None] * cosines(columns)[None, :, None, :]
    return grid.reshape(rows * columns, -1)[:, 1:]


def edge_features(x: Tensor, rows: int, columns: int, patch_size: int, orientations: int) -> Tensor:
    """[rows * p, columns * p, 3] in -1...1 -> [rows * columns, 4 * orientations], by quarter of a patch."""
    half = patch_size // 2
    gray = F.pad(x.mean(2)[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    dx, dy = gray[1:-1, 2:] - gray[1:-1, :-2], gray[2:, 1:-1] - gray[:-2, 1:-1]
    length, direction = torch.hypot(dx, dy), torch.atan2(dy, dx)
    angles = torch.arange(orientations, dtype=x.dtype) * math.pi / orientations
    edges = length[..., None] * torch.cos(direction[..., None] - angles) ** 4
    edges = edges.reshape(2 * rows, half, 2 * columns, half, orientations).mean((1, 3))
    edges = edges.reshape(rows, 2, columns, 2, orientations).transpose(1, 2).reshape(rows * columns, -1)
    return 2 * edges / (edges.norm(dim=1, keepdim=True) + 0.05)


def image_patches(pixels: np.ndarray, rows: int, columns: int, image: dict, dtype: torch.dtype) -> Tensor:
    """u8 [h, w, 3] -> [rows * columns, p * p * 3 + ...], a patch as (y, x, channel), then place and edges."""
    p, waves, orientations = image["patch_size"], image.get("position_waves", 0), image.get("gradient_orientations", 0)
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].double()                         # [1, 3, h, w]
    # In f64 whatever the model's type: torch would compute the filter's weights in f32, 1e-5 off.
    x = F.interpolate(x, (rows * p, columns * p), mode="bilinear", antialias=True, align_corners=False)
    x = x[0].permute(1, 2, 0) / 127.5 - 1                                     # [rows * p, columns * p, 3]
    features = [x.reshape(rows, p, columns, p, 3).transpose(1, 2).reshape(rows * columns, p * p * 3)]
    if waves > 1:
        features.append(place_features(rows, columns, waves))
    if orientations:
        features.append(edge_features(x, rows, columns, p, orientations))
    return torch.cat(features, 1).to(dtype)


def decode_samples(path: Path) -> tuple[np.ndarray, int]:
    """f32 [n, channels] and the sample rate: libsndfile, and FFmpeg for what libsndfile refuses."""
    try:
        return soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        pass
    with av.open(str(path)) as container:
        to_float = av.AudioResampler(format="fltp")
        frames = [*container.decode(audio=0), None]
        blocks = [block for frame in frames for block in to_float.resample(frame)]
        return np.concatenate([block.to_ndarray() for block in blocks], axis=1).T, blocks[0].sample_rate


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """f32 [n] -> f32 [about n * wanted / rate] by libswresample, its default options, flushed at the end."""
    if rate == wanted:
        return samples
    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=wanted)
    blocks = [block.to_ndarray()[0] for block in resampler.resample(frame) + resampler.resample(None)]
    return np.concatenate([np.zeros(0, np.float32), *blocks])


def load_samples(path: Path, sample_rate: int) -> np.ndarray:
    """f32 [n], the mean of all channels, at sample_rate."""
    channels, rate = decode_samples(path)                                                # [n, channels]
    return resample(channels.mean(axis=1, dtype=np.float32), rate, sample_rate)


# Video

AREA_ACCURATE = 0x20 | 0x40000 | 0x2000    # SWS_AREA, SWS_ACCURATE_RND, SWS_FULL_CHR_H_INT
TIME_TOLERANCE = Fraction(1, 10**6)
COUNT_TOLERANCE = 0.05


def frame_times(length: float, rate: float, most: int) -> list[float]:
    """Seconds from the start of a stretch of video."""
    count, step = max(1, math.ceil(length * rate - COUNT_TOLERANCE)), 1 / rate
    if count > most:
        count, step = most, length / most
    return [i * step for i in range(count)]


def seconds(duration: str | None) -> float | None:
    """The service's "1.5s"."""
    return None if duration is None else float(duration.removesuffix("s"))


def load_frames(path: Path, patch_size: int, max_patches: int, most: int,
                metadata: dict) -> tuple[np.ndarray, list[float]]:
    """u8 [n, h, w, 3], upright with the display's proportions, and their times."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = sorted((p.pts, p.duration or 0) for p in container.demux(stream)
                         if p.pts is not None and not p.is_discard)
        base, first = stream.time_base, packets[0][0]
        last = packets[-1]
        length = last[1] or (last[0] - packets[-2][0] if len(packets) > 1 else 0)
        end = (last[0] + length - first) * base
        start = Fraction(seconds(metadata.get("startOffset")) or 0)
        wanted = seconds(metadata.get("endOffset"))
        end = end if wanted is None else min(Fraction(wanted), end)
        times = frame_times(float(end - start), metadata.get("fps", 1.0), most)
        moments = [start + Fraction(t) + TIME_TOLERANCE for t in times]
        shown = [max([pts for pts, _ in packets if (pts - first) * base <= moment], default=first)
                 for moment in moments]
        container.seek(0)
        frames = {}
        for frame in container.decode(stream):
            if frame.pts in shown:
                aspect = stream.codec_context.sample_aspect_ratio or Fraction(1)
                frames[frame.pts] = reduced(frame, aspect, patch_size, max_patches)
        return np.stack([frames[pts] for pts in shown]), times


def reduced(frame: av.VideoFrame, aspect: Fraction, patch_size: int, max_patches: int) -> np.ndarray:
    turns = round(frame.rotation / 90) % 4                                   # counterclockwise
    width, height = frame.width, frame.height
    display = (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))
    if turns % 2:
        columns, rows = grid(*display, max_patches)
    else:
        rows, columns = grid(*display[::-1], max_patches)
    size = min(width, 2 * columns * patch_size), min(height, 2 * rows * patch_size)
    picture = frame.reformat(*size, format="rgb24", interpolation=AREA_ACCURATE).to_ndarray()
    return np.ascontiguousarray(np.rot90(picture, turns))


# Documents


def load_pages(path: Path) -> list[tuple[np.ndarray, str]]:
    """Pixels and text of each page, by Poppler's programs."""
    shown = subprocess.run(["pdfinfo", path], check=True, capture_output=True, text=True).stdout
    pages = []
    for number in map(str, range(1, int(re.search(r"Pages: +(\d+)", shown)[1]) + 1)):
        one = ["-f", number, "-l", number, str(path)]
        ppm = subprocess.run(["pdftocairo", "-r", "72", "-png", "-singlefile", *one, "-"], check=True,
                             capture_output=True).stdout
        text = subprocess.run(["pdftotext", "-nopgbrk", *one, "-"], check=True, capture_output=True).stdout
        with Image.open(io.BytesIO(ppm)) as image:
            pages.append((np.array(image.convert("RGB")), text.decode().strip()))
    return pages

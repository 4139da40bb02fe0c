#!/usr/bin/env python3
"""What castor's front-ends make of every view of every picture and sound, once, so that training decodes nothing; goes on where it was stopped.

    tools/data/media_views.py pictures DATA OUT [--views 6] [--patches 64]
    tools/data/media_views.py sounds DATA OUT [--views 8]
    tools/data/media_views.py speech DATA OUT [--made FOLDER]

OUT/pictures/SOURCE-VIEW.u8: pixels of all patches, [patches, 768] bytes; -edges.npy: their edges f16; -grids.npy: rows and columns of each picture. OUT/sounds/SOURCE-VIEW.npy and OUT/speech/SOURCE-0.npy:
log-mel patches, [patches, 640] f16, and -ends.npy, where each clip ends. Views are those of views.py, files in the order of their manifest, as media_teachers.py has them. Patches are those of docs/model.md section 4, but that
a picture's pixels are rounded to eight bits after its scaling.
"""
import argparse
import sys
import time
from pathlib import Path

import media_files
import numpy as np
import torch
from views import picture_view, sound, sound_view

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from media import edge_features, grid  # noqa: E402
from mel import log_mel  # noqa: E402

PATCH, ORIENTATIONS = 16, 8
AUDIO = {"sample_rate": 16000, "window_length": 400, "hop_length": 160, "fft_length": 512, "mel_bands": 80, "patch_frames": 8}


def patches_of(image, most: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    rows, columns = grid(image.height, image.width, most)
    x = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()
    x = torch.nn.functional.interpolate(x, (rows * PATCH, columns * PATCH), mode="bilinear", antialias=True, align_corners=False)[0].permute(1, 2, 0)
    edges = edge_features(x / 127.5 - 1, rows, columns, PATCH, ORIENTATIONS)
    pixels = x.round().byte().reshape(rows, PATCH, columns, PATCH, 3).transpose(1, 2).reshape(rows * columns, -1)
    return pixels.numpy(), edges.half().numpy(), (rows, columns)


def heard(samples: np.ndarray) -> np.ndarray:
    return log_mel(torch.from_numpy(samples), AUDIO).reshape(-1, AUDIO["patch_frames"] * AUDIO["mel_bands"]).half().numpy()


def save(path: Path, array: np.ndarray) -> None:
    temporary = path.with_suffix(".tmp.npy")
    np.save(temporary, array)
    temporary.rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("pictures", "sounds", "speech"))
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--views", type=int)
    parser.add_argument("--patches", type=int, default=64)
    parser.add_argument("--made", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kind, out = arguments.kind, arguments.out / arguments.kind
    out.mkdir(parents=True, exist_ok=True)
    sources, views = {"pictures": (media_files.PICTURES, 6), "sounds": (media_files.SOUNDS, 8), "speech": (media_files.SPEECH, 1)}[kind]
    listed = {
        source: media_files.speech(arguments.data, source, arguments.made) if kind == "speech" else getattr(media_files, kind)(arguments.data, source) for source in sources
    }
    every = [file.path for files in listed.values() for file in files]
    for view in range(arguments.views or views):
        for source, files in listed.items():
            to = out / f"{source}-{view}"
            # What is written last says that all is there.
            last = Path(f"{to}-grids.npy" if kind == "pictures" else f"{to}-ends.npy")
            if last.exists() or not files:
                continue
            began = time.process_time()
            if kind == "pictures":
                edges, grids = [], []
                with open(f"{to}.u8", "wb") as pixels:
                    for file in files:
                        found = patches_of(picture_view(file.path, file.name, view, every), arguments.patches)
                        pixels.write(found[0].tobytes())
                        edges.append(found[1])
                        grids.append(found[2])
                save(Path(f"{to}-edges.npy"), np.concatenate(edges))
                save(last, np.array(grids))
            else:
                clips = [heard(sound(file.path) if kind == "speech" else sound_view(file.path, file.name, view, every)) for file in files]
                save(Path(f"{to}.npy"), np.concatenate(clips))
                save(last, np.cumsum([len(clip) for clip in clips]))
            print(f"{time.strftime('%H:%M:%S')} {kind} {source}, view {view}: {len(files):,}, {1000 * (time.process_time() - began) / len(files):.0f} ms of a core each", flush=True)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Generated motion for castor-small: emoji that move over coloured grounds, with captions that say what moves and how.

    tools/data/clips.py DATA OUT [--clips 1500]

OUT receives MP4 files and manifest.jsonl: file, text, english. Needs ffmpeg and Pillow. What a frame shows tells the emoji; what happens is in the order of
the frames alone.
"""
import argparse
import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageChops

SIDE, SECONDS, RATE = 160, 4, 2
"""Pixels, length of a clip, frames a second."""
MOTIONS = {
    "moves to the left": lambda s: (0.8 - 0.6 * s, 0.5, 0.45), "moves to the right": lambda s: (0.2 + 0.6 * s, 0.5, 0.45),
    "rises": lambda s: (0.5, 0.8 - 0.6 * s, 0.45), "falls": lambda s: (0.5, 0.2 + 0.6 * s, 0.45),
    "comes nearer": lambda s: (0.5, 0.5, 0.2 + 0.7 * s), "goes away": lambda s: (0.5, 0.5, 0.9 - 0.7 * s),
    "jumps": lambda s: (0.5, 0.7 - 0.4 * abs(1 - 2 * (2 * s % 1)), 0.45), "stands still": lambda s: (0.5, 0.5, 0.6),
}
"""Share of the time -> center and size, as shares of the side."""
GROUNDS = {"": (255, 255, 255), "in the grass": (96, 160, 72), "in the sky": (140, 190, 240), "at night": (24, 26, 56), "in the sand": (224, 200, 150)}


def number(*key) -> int:
    """The same for the same key, whatever else is made."""
    return int.from_bytes(hashlib.sha1(repr(key).encode()).digest()[:6], "big")


def frames(picture: Image.Image, path, ground) -> bytes:
    """RGB bytes, frame after frame. The pictures lie on white: white becomes the ground."""
    inked = ImageChops.invert(picture.convert("L")).point(lambda value: 255 if value > 6 else 0)
    count, result = SECONDS * RATE, b""
    for index in range(count):
        x, y, size = path(index / (count - 1))
        side = max(8, round(size * SIDE))
        frame = Image.new("RGB", (SIDE, SIDE), ground)
        frame.paste(picture.resize((side, side)), (round(x * SIDE - side / 2), round(y * SIDE - side / 2)), inked.resize((side, side)))
        result += frame.tobytes()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, default=1500)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    folder = arguments.data / "train/images/noto-emoji"
    with open(folder / "manifest.jsonl", encoding="utf-8") as file:
        emoji = [entry for entry in map(json.loads, file) if entry["captions"] and "skin tone" not in entry["captions"][0] and "flag" not in entry["captions"][0]]

    def make(index: int) -> dict:
        entry = emoji[number("emoji", index) % len(emoji)]
        motion = list(MOTIONS)[number("motion", index) % len(MOTIONS)]
        place = list(GROUNDS)[number("ground", index) % len(GROUNDS)]
        name = f"{index:05d}.mp4"
        path = arguments.out / name
        if not path.exists():
            picture = Image.open(folder / entry["file"]).convert("RGB")
            part = path.with_suffix(".part.mp4")
            subprocess.run(
                ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIDE}x{SIDE}", "-r", str(RATE), "-i", "-",
                 "-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-pix_fmt", "yuv420p", part],
                input=frames(picture, MOTIONS[motion], GROUNDS[place]), check=True)
            part.rename(path)
        text = " ".join(f"{entry['captions'][0]} {motion} {place}".split())
        return {"file": name, "text": text, "english": text}

    with ThreadPoolExecutor(2) as pool:
        entries = list(pool.map(make, range(arguments.clips)))
    with open(arguments.out / "manifest.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    print(f"{len(entries):,} clips of {len({entry['text'] for entry in entries}):,} kinds")


if __name__ == "__main__":
    sys.exit(main())

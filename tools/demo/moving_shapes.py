"""Shapes that move: 384 clips with captions. Every combination occurs once, so that held-out pairs are combinations that training
never showed; left and right, growing and shrinking differ in the order of the frames alone. Needs Python and ffmpeg.

    python3 tools/demo/moving_shapes.py data        makes data/moving-shapes
    castor train recipes/moving-shapes.json
"""

import subprocess
import sys
from itertools import product
from pathlib import Path

from shapes_and_tones import COLORS, SHAPES

SIDE, SECONDS, RATE = 64, 4, 2  # pixels, length of a clip, frames a second
GROUNDS = {"black": (10, 10, 10), "white": (245, 245, 245)}
# Share of the time -> center and radius, in pixels
MOTIONS = {
    "moves to the left": lambda s: (48 - 32 * s, 32, 13),
    "moves to the right": lambda s: (16 + 32 * s, 32, 13),
    "rises": lambda s: (32, 48 - 32 * s, 13),
    "sinks": lambda s: (32, 16 + 32 * s, 13),
    "grows": lambda s: (32, 32, 6 + 20 * s),
    "shrinks": lambda s: (32, 32, 26 - 20 * s),
}


def frames(color, holds, motion, ground):
    """RGB bytes, frame after frame."""
    count = SECONDS * RATE
    for index in range(count):
        x0, y0, r = motion(index / (count - 1))
        for y, x in product(range(SIDE), repeat=2):
            yield bytes(color if holds(x + 0.5 - x0, y + 0.5 - y0, r) else ground)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1]) / "moving-shapes"
    folder.mkdir(parents=True, exist_ok=True)
    captions = []
    for (color, ink), (shape, holds), (motion, path), (ground, paper) in product(
        COLORS.items(), SHAPES.items(), MOTIONS.items(), GROUNDS.items()
    ):
        name = f"{color}-{shape}-{motion.replace(' ', '-')}-{ground}.mp4"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIDE}x{SIDE}", "-r", str(RATE), "-i", "-",
             "-c:v", "libx264", "-threads", "1", "-pix_fmt", "yuv420p", folder / name],
            input=b"".join(frames(ink, holds, path, paper)), check=True)
        captions.append(f"{name}\ta {color} {shape} on {ground} {motion}\n")
    (folder / "captions.tsv").write_text("".join(captions))
    print(f"{folder}: {len(captions)} clips with captions")


if __name__ == "__main__":
    main()

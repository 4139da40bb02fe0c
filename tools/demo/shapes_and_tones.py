"""A small world with a language for it: 384 pictures of coloured shapes with captions, 256 tones with names. Every combination
occurs once, so that held-out pairs are combinations that training never showed. Needs nothing but Python.

    python3 tools/demo/shapes_and_tones.py data        makes data/shapes and data/tones
    castor train recipes/shapes-and-tones.json
"""

import math
import random
import struct
import sys
import wave
from itertools import product
from pathlib import Path

SIDE = 48  # pixels
COLORS = {
    "red": (220, 30, 30), "green": (30, 160, 50), "blue": (40, 70, 220), "yellow": (240, 220, 40),
    "purple": (150, 50, 180), "orange": (245, 140, 20), "cyan": (40, 210, 220), "pink": (250, 150, 190),
}
GROUNDS = {
    "black": (10, 10, 10), "white": (245, 245, 245), "gray": (128, 128, 128), "brown": (100, 60, 30),
    "navy": (10, 20, 90), "olive": (110, 120, 20),
}
RADII = {"small": 10, "large": 21}  # pixels
SHAPES = {
    "circle": lambda x, y, r: math.hypot(x, y) <= r,
    "ring": lambda x, y, r: 0.55 * r <= math.hypot(x, y) <= r,
    "cross": lambda x, y, r: max(abs(x), abs(y)) <= r and min(abs(x), abs(y)) <= 0.3 * r,
    "grid": lambda x, y, r: max(abs(x), abs(y)) <= r and int(x + 64) % 8 < 4 and int(y + 64) % 8 < 4,
}

RATE, SAMPLES = 16_000, 9_600
PITCHES = {"C": 261.63, "E": 329.63, "G": 392.0, "B": 493.88, "D": 587.33, "F": 698.46, "A": 880.0, "H": 1174.7}  # Hz
REGISTERS = {"low": 1.0, "high": 2.9}
# Phase in turns -> -1...1
TIMBRES = {
    "flute": lambda t: math.sin(math.tau * t),
    "organ": lambda t: sum(a * math.sin(math.tau * n * t) for n, a in [(1, 1), (2, 0.6), (4, 0.5)]) / 2.1,
    "buzz": lambda t: 2 * (t % 1) - 1,
    "bell": lambda t: sum(a * math.sin(math.tau * n * t) for n, a in [(1, 1), (2.76, 0.8), (5.4, 0.6)]) / 2.4,
}
# Share of the time -> loudness
COURSES = {
    "steady": lambda s: 1.0,
    "pulsing": lambda s: 1.0 if int(8 * s) % 2 == 0 else 0.02,
    "rising": lambda s: 10 ** (-2.5 * (1 - s)),
    "fading": lambda s: 10 ** (-2.5 * s),
}


def write_bitmap(path, color_at):
    """A BMP of 24 bits, rows from below, blue first."""
    pixels = bytes(v for y in reversed(range(SIDE)) for x in range(SIDE) for v in reversed(color_at(x, y)))
    header = struct.pack("<2sIIIIiiHHIIiiII", b"BM", 54 + len(pixels), 0, 54, 40, SIDE, SIDE, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    path.write_bytes(header + pixels)


def write_shapes(folder):
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(3)
    captions = []
    for (size, r), (color, ink), (shape, holds), (ground, paper) in product(
        RADII.items(), COLORS.items(), SHAPES.items(), GROUNDS.items()
    ):
        x0, y0 = (SIDE / 2 - 1 + chance.randrange(3) for _ in range(2))
        name = f"{size}-{color}-{shape}-{ground}.bmp"
        write_bitmap(folder / name, lambda x, y: ink if holds(x + 0.5 - x0, y + 0.5 - y0, r) else paper)
        captions.append(f"{name}\ta {size} {color} {shape} on {ground}\n")
    (folder / "captions.tsv").write_text("".join(captions))
    return len(captions)


def write_tones(folder):
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(4)
    names = []
    for (register, factor), (pitch, hertz), (timbre, wave_of), (course, loudness) in product(
        REGISTERS.items(), PITCHES.items(), TIMBRES.items(), COURSES.items()
    ):
        phase = chance.random()
        samples = (
            int(20_000 * wave_of(hertz * factor * i / RATE + phase) * loudness(i / SAMPLES)) for i in range(SAMPLES)
        )
        name = f"{register}-{pitch}-{timbre}-{course}.wav"
        with wave.open(str(folder / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(struct.pack(f"<{SAMPLES}h", *samples))
        names.append(f"{name}\ta {course} {register} {pitch} of a {timbre}\n")
    (folder / "captions.tsv").write_text("".join(names))
    return len(names)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    print(f"{folder / 'shapes'}: {write_shapes(folder / 'shapes')} pictures with captions")
    print(f"{folder / 'tones'}: {write_tones(folder / 'tones')} sounds with names")


if __name__ == "__main__":
    main()

"""Clips in which a glyph moves over a scene, by ffmpeg."""

import subprocess
import tempfile
from pathlib import Path

from drawings import glyph, ground

WIDTH, HEIGHT, RATE, SECONDS = 320, 240, 8, 5
# File: glyph, background, size, where it is at the beginning and at the end (shares of what is free), its sound.
FILMS = {
    "car.mp4": ("🚗", "street", 120, (1, 0.75), (0, 0.75), "engine.mp3"),
    "fish.mp4": ("🐟", "water", 100, (1, 0.3), (0, 0.6), None),
    "horse.mp4": ("🐎", "meadow", 130, (1, 0.7), (0, 0.7), None),
    "balloon.webm": ("🎈", "sky", 110, (0.4, 1), (0.5, 0), None),
    "ball.mp4": ("⚽", "meadow", 70, (0, 0.9), (1, 0.4), None),
    "rocket.mp4": ("🚀", "dark", 110, (0.1, 1), (0.9, 0), None),
}


def film(path: Path, character: str, background: str, size: int, start: tuple, end: tuple, sound: Path | None) -> None:
    mark = glyph(character)
    mark = mark.resize((size, size * mark.height // mark.width))
    with tempfile.TemporaryDirectory() as name:
        for index in range(RATE * SECONDS):
            share = index / (RATE * SECONDS - 1)
            picture = ground(background, WIDTH, HEIGHT)
            x, y = (a + (b - a) * share for a, b in zip(start, end))
            picture.paste(mark, (round((WIDTH - mark.width) * x), round((HEIGHT - mark.height) * y)), mark)
            picture.save(f"{name}/{index:03}.png", compress_level=1)
        heard = ["-i", sound, "-map", "0:v", "-map", "1:a", "-c:a", "aac"] if sound else []
        coded = ["-c:v", "libvpx-vp9", "-b:v", "300k", "-cpu-used", "8"] if path.suffix == ".webm" else ["-c:v", "libx264"]
        # One thread, and no name of a version in the file: the same bytes each time.
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-framerate", str(RATE), "-i", f"{name}/%03d.png", *heard, *coded, "-threads", "1", "-pix_fmt", "yuv420p",
             "-t", str(SECONDS), "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", path], check=True)


def make(folder: Path, sounds: Path) -> None:
    for name, (character, background, size, start, end, sound) in FILMS.items():
        film(folder / name, character, background, size, start, end, sound and sounds / sound)

"""Glyphs of Noto Color Emoji, each twice: large on white paper, as clip art is; and in a scene, turned, of another size and place, perhaps mirrored,
before a sky with ground, a checkered cloth, the dark or a wall."""

import random
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

DEMO = Path(__file__).resolve().parents[2] / "tools/demo"
sys.path.insert(0, str(DEMO))
import things  # noqa: E402

FONT = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
GLYPH = 109  # The font is a set of bitmaps, of this size only.
SIZES = (360, 270), (300, 300), (280, 350)

# File: glyph, background.
PICTURES = {
    "dog.jpg": ("🐕", "meadow"), "cat.png": ("🐈", "wall"), "horse.jpg": ("🐎", "meadow"), "elephant.webp": ("🐘", "sand"),
    "fish.png": ("🐠", "water"), "parrot.jpg": ("🦜", "sky"), "butterfly.png": ("🦋", "meadow"), "rooster.jpg": ("🐓", "sand"),
    "pizza.jpg": ("🍕", "cloth"), "apple.png": ("🍎", "cloth"), "bananas.webp": ("🍌", "cloth"), "bread.jpg": ("🍞", "cloth"),
    "cake.png": ("🎂", "wall"),
    "beach.jpg": ("🏖", "sky"), "mountain.png": ("🏔", "sky"), "castle.jpg": ("🏰", "meadow"), "house.webp": ("🏠", "meadow"),
    "car.png": ("🚗", "street"), "bicycle.jpg": ("🚲", "street"), "airplane.jpg": ("✈", "sky"), "train.png": ("🚂", "sand"),
    "guitar.jpg": ("🎸", "wall"), "alarm-clock.png": ("⏰", "dark"), "umbrella.jpg": ("☔", "street"), "tree.png": ("🌳", "meadow"),
    "sunflower.jpg": ("🌻", "sky"),
}
# Upper and lower colour, and where the lower begins.
GROUNDS = {
    "meadow": ((186, 216, 240), (128, 170, 96), 0.6), "sand": ((206, 224, 236), (214, 188, 140), 0.65), "street": ((210, 214, 220), (132, 132, 136), 0.7),
    "sky": ((150, 196, 236), (206, 228, 244), 1), "water": ((90, 160, 200), (40, 90, 140), 1), "wall": ((228, 216, 196), (206, 190, 166), 1),
    "dark": ((36, 40, 58), (58, 62, 84), 1), "cloth": ((240, 236, 226), (204, 92, 84), 0),
}


def glyph(character: str) -> Image.Image:
    font = ImageFont.truetype(FONT, GLYPH)
    left, top, right, bottom = font.getbbox(character)
    mark = Image.new("RGBA", (right - left, bottom - top))
    ImageDraw.Draw(mark).text((-left, -top), character, font=font, embedded_color=True)
    return mark


def ground(name: str, width: int, height: int) -> Image.Image:
    upper, lower, edge = GROUNDS[name]
    picture = Image.new("RGB", (width, height), lower)
    draw = ImageDraw.Draw(picture)
    if name == "cloth":
        for x in range(0, width, 40):
            for y in range(0, height, 40):
                if (x + y) // 40 % 2:
                    draw.rectangle((x, y, x + 39, y + 39), fill=upper)
        return picture
    end = int(height * edge)
    for y in range(end):
        # Without an edge the upper colour becomes the lower one; before an edge it becomes a little lighter.
        share = y / height
        other = lower if edge == 1 else tuple(min(255, c + 30) for c in upper)
        draw.line((0, y, width, y), fill=tuple(round(a + (b - a) * share) for a, b in zip(upper, other)))
    return picture


def scene(character: str, background: str, pick: random.Random, size: tuple[int, int]) -> Image.Image:
    mark = glyph(character)
    if pick.random() < 0.5:
        mark = ImageOps.mirror(mark)
    # A share of the shorter side.
    side = min(size) * pick.uniform(0.5, 0.75)
    factor = side / max(mark.size)
    mark = mark.resize((round(mark.width * factor), round(mark.height * factor)), Image.LANCZOS)
    mark = mark.rotate(pick.uniform(-14, 14), Image.BICUBIC, expand=True)
    picture = ground(background, *size)
    free = size[0] - mark.width, size[1] - mark.height
    picture.paste(mark, (round(free[0] * pick.uniform(0.2, 0.8)), round(free[1] * pick.uniform(0.35, 0.75))), mark)
    return picture


def clip_art(character: str, size: tuple[int, int]) -> Image.Image:
    mark = glyph(character)
    side = int(min(size) * 0.8)
    mark = mark.resize((side, side * mark.height // mark.width))
    picture = Image.new("RGB", size, "white")
    picture.paste(mark, ((size[0] - mark.width) // 2, (size[1] - mark.height) // 2), mark)
    return picture


def make(pictures: Path, scenes: Path) -> None:
    for number, (name, (character, background)) in enumerate(PICTURES.items()):
        size = SIZES[number % len(SIZES)]
        clip_art(character, size).save(pictures / name)
        scene(character, background, random.Random(f"demonstration {name}"), size).save(scenes / name)


def make_questions(folder: Path) -> None:
    """Other pictures of some of the same things: drawn by code, none of them with the font."""
    for name in things.THINGS:
        things.drawn(name, "shaded", 0).save(folder / f"drawn-{name}.png")

"""Twelve things drawn by code, so that no picture of training is among them: what the demo's own test finds by text.

    python3 tools/demo/things.py OUT [--sheet SHEET.png]

OUT receives NAME-STYLE-NUMBER.png, flat (plain colours) and shaded (light from above, ground, shadow, grain), three of each that differ in colours, size, place and turn; and texts.tsv: name, language, text. Runs with
Debian's python3-pil and python3-numpy.
"""
import argparse
import math
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE, FINER, VARIANTS = 256, 3, 3
TEXTS = {
    "car": ("a red car", "ein rotes Auto", "un coche rojo"),
    "dog": ("a dog", "ein Hund", "un perro"),
    "cat": ("a cat", "eine Katze", "un gato"),
    "house": ("a house", "ein Haus", "una casa"),
    "tree": ("a green tree", "ein grüner Baum", "un árbol verde"),
    "sea": ("the sun over the sea", "die Sonne über dem Meer", "el sol sobre el mar"),
    "apple": ("an apple", "ein Apfel", "una manzana"),
    "bicycle": ("a bicycle", "ein Fahrrad", "una bicicleta"),
    "bird": ("a flying bird", "ein fliegender Vogel", "un pájaro volando"),
    "fish": ("a fish under water", "ein Fisch unter Wasser", "un pez bajo el agua"),
    "flower": ("a flower", "eine Blume", "una flor"),
    "clock": ("a clock", "eine Uhr", "un reloj"),
}
LANGUAGES = ("en", "de", "es")
SKY, GRASS, WATER, WALL = (190, 218, 240), (126, 168, 92), (60, 120, 170), (226, 214, 196)


class Pen:
    """Draws in a square from -1 to 1, y upwards, turned, moved and scaled."""

    def __init__(self, pick: random.Random, shaded: bool, background: tuple, ground: tuple | None):
        self.pick, self.shaded, self.side = pick, shaded, SIDE * FINER
        self.scale, self.turn = pick.uniform(0.62, 0.8), math.radians(pick.uniform(-4, 4))
        self.middle = pick.uniform(-0.08, 0.08), pick.uniform(-0.06, 0.06)
        self.flip = pick.choice((1, -1))
        self.image = self.gradient(self.tint(background, 12), 26 if shaded else 0)
        if ground:
            bottom = self.gradient(self.tint(ground, 12), -30 if shaded else 0)
            mask = Image.new("L", self.image.size)
            ImageDraw.Draw(mask).rectangle((0, int(self.side * 0.66), self.side, self.side), fill=255)
            self.image.paste(bottom, mask=mask)

    def tint(self, colour, by: int = 22):
        shift = self.pick.uniform(-by, by)
        return tuple(int(min(255, max(0, c + shift + self.pick.uniform(-by, by) / 2))) for c in colour)

    def gradient(self, colour, by: float) -> Image.Image:
        """Lighter above, darker below."""
        rows = np.linspace(by, -by, self.side)[:, None, None]
        return Image.fromarray(np.broadcast_to(np.clip(np.array(colour)[None, None] + rows, 0, 255), (self.side, self.side, 3)).astype(np.uint8))

    def place(self, x: float, y: float) -> tuple[float, float]:
        x *= self.flip
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        x, y = self.scale * (x * cos - y * sin) + self.middle[0], self.scale * (x * sin + y * cos) + self.middle[1]
        return (x + 1) * self.side / 2, (1 - y) * self.side / 2

    def fill(self, colour, mask: Image.Image) -> None:
        if not self.shaded:
            self.image.paste(tuple(colour), mask=mask)
            return
        box = mask.getbbox()
        if not box:
            return
        # Light falls from above on each part by itself, and its edge darkens.
        height = max(1, box[3] - box[1])
        rows = np.clip((np.arange(self.side) - box[1]) / height, 0, 1)[:, None, None]
        body = np.clip(np.array(colour)[None, None] * (1.22 - 0.55 * rows), 0, 255)
        inner = np.asarray(mask.filter(ImageFilter.GaussianBlur(self.side / 60)), np.float32)[..., None] / 255
        body = np.broadcast_to(body, (self.side, self.side, 3)) * (0.72 + 0.28 * inner)
        self.image.paste(Image.fromarray(body.astype(np.uint8)), mask=mask)

    def masked(self, draw) -> Image.Image:
        mask = Image.new("L", self.image.size)
        draw(ImageDraw.Draw(mask))
        return mask

    def polygon(self, colour, *points) -> None:
        self.fill(colour, self.masked(lambda d: d.polygon([self.place(*p) for p in points], fill=255)))

    def ellipse(self, colour, x: float, y: float, a: float, b: float | None = None, turn: float = 0) -> None:
        b = a if b is None else b
        angles = [math.tau * i / 72 for i in range(72)]
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        self.polygon(colour, *((x + a * math.cos(t) * cos - b * math.sin(t) * sin, y + a * math.cos(t) * sin + b * math.sin(t) * cos) for t in angles))

    def line(self, colour, width: float, *points) -> None:
        wide = max(2, int(width * self.scale * self.side / 2))
        self.fill(colour, self.masked(lambda d: d.line([self.place(*p) for p in points], fill=255, width=wide, joint="curve")))

    def ring(self, colour, x: float, y: float, r: float, width: float) -> None:
        self.line(colour, width, *((x + r * math.cos(math.tau * i / 60), y + r * math.sin(math.tau * i / 60)) for i in range(62)))

    def shadow(self, x: float, y: float, a: float, b: float) -> None:
        if self.shaded:
            mask = self.masked(lambda d: d.ellipse((*self.place(x - self.flip * a, y + b), *self.place(x + self.flip * a, y - b)), fill=110)).filter(ImageFilter.GaussianBlur(self.side / 50))
            self.image.paste((20, 24, 20), mask=mask)

    def done(self) -> Image.Image:
        image = self.image.resize((SIDE, SIDE), Image.LANCZOS)
        if self.shaded:
            grain = np.random.default_rng(self.pick.randrange(1 << 30)).normal(0, 5, (SIDE, SIDE, 1))
            image = Image.fromarray(np.clip(np.asarray(image, np.float32) + grain, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6))
        return image


def car(p):
    red = p.tint((205, 30, 30), 18)
    p.shadow(0, -0.52, 0.95, 0.12)
    p.polygon(red, (-0.95, -0.4), (-0.95, -0.02), (-0.6, 0.06), (-0.3, 0.42), (0.35, 0.42), (0.62, 0.06), (0.95, -0.04), (0.97, -0.4))
    p.polygon((196, 222, 236), (-0.48, 0.08), (-0.25, 0.34), (-0.02, 0.34), (-0.02, 0.08))
    p.polygon((196, 222, 236), (0.05, 0.08), (0.05, 0.34), (0.31, 0.34), (0.5, 0.08))
    for x in (-0.55, 0.55):
        p.ellipse((30, 30, 32), x, -0.4, 0.23)
        p.ellipse((190, 190, 195), x, -0.4, 0.11)
    p.ellipse((250, 240, 170), 0.9, -0.12, 0.06, 0.08)
    p.line((120, 16, 16), 0.03, (0.02, 0.08), (0.02, -0.34))


def four_legs(p, fur, dark, tail, ears, snout: float):
    p.shadow(0, -0.86, 0.75, 0.1)
    p.line(fur, 0.13, *tail)
    for x, colour in ((-0.5, dark), (0.3, dark), (-0.38, fur), (0.42, fur)):
        p.polygon(colour, (x - 0.09, -0.2), (x + 0.09, -0.2), (x + 0.08, -0.86), (x - 0.08, -0.86))
    p.ellipse(fur, -0.02, -0.1, 0.62, 0.3)
    p.polygon(fur, (0.3, 0.0), (0.62, -0.1), (0.75, 0.35), (0.45, 0.4))
    for ear in ears:
        p.polygon(dark, *ear)
    p.ellipse(fur, 0.6, 0.42, 0.28, 0.26)
    p.ellipse(fur, 0.6 + snout, 0.34, 0.08 + snout / 2, 0.12)
    p.ellipse((25, 20, 20), 0.66 + 1.45 * snout, 0.38, 0.055, 0.045)
    p.ellipse((25, 20, 20), 0.66, 0.5, 0.04)


def dog(p):
    fur = p.tint(p.pick.choice(((150, 98, 52), (196, 160, 104), (92, 74, 60))))
    dark = tuple(int(c * 0.68) for c in fur)
    four_legs(p, fur, dark, ((-0.58, 0.0), (-0.8, 0.22), (-0.86, 0.5)), (), 0.22)
    p.ellipse(dark, 0.42, 0.3, 0.11, 0.26, 14)
    p.line((190, 40, 40), 0.07, (0.36, 0.14), (0.68, 0.14))


def cat(p):
    fur = p.tint(p.pick.choice(((222, 150, 78), (140, 140, 146), (70, 66, 68))))
    dark = tuple(int(c * 0.72) for c in fur)
    p.shadow(0, -0.88, 0.6, 0.1)
    p.line(fur, 0.13, (0.4, -0.75), (0.78, -0.7), (0.86, -0.35), (0.74, -0.1))
    p.ellipse(fur, 0, -0.45, 0.44, 0.45)
    for x in (-1, 1):
        p.polygon(fur, (x * 0.42, 0.36), (x * 0.4, 0.86), (x * 0.08, 0.62))
        p.polygon((236, 170, 170), (x * 0.34, 0.48), (x * 0.35, 0.74), (x * 0.17, 0.6))
    p.ellipse(fur, 0, 0.32, 0.46, 0.39)
    for x in (-1, 1):
        p.ellipse((236, 226, 120), x * 0.19, 0.4, 0.11, 0.1)
        p.ellipse((20, 20, 20), x * 0.19, 0.4, 0.035, 0.09)
        p.ellipse(dark, x * 0.16, -0.82, 0.13, 0.08)
        for y in (0.2, 0.12):
            p.line((245, 245, 245), 0.018, (x * 0.1, 0.18), (x * 0.62, y + 0.06 * (y > 0.15)))
    p.polygon((220, 120, 130), (-0.06, 0.26), (0.06, 0.26), (0, 0.18))
    p.line((60, 40, 40), 0.025, (0, 0.18), (-0.1, 0.09))
    p.line((60, 40, 40), 0.025, (0, 0.18), (0.1, 0.09))
    for y in (0.58, 0.65):
        p.line(dark, 0.03, (-0.12, y), (0.12, y))


def house(p):
    wall, roof = p.tint(p.pick.choice(((236, 220, 190), (226, 196, 170), (240, 240, 232)))), p.tint((160, 62, 46))
    p.shadow(0, -0.74, 0.85, 0.08)
    p.polygon((130, 90, 76), (0.36, 0.4), (0.36, 0.8), (0.54, 0.8), (0.54, 0.3))
    p.polygon(wall, (-0.72, -0.72), (-0.72, 0.12), (0.72, 0.12), (0.72, -0.72))
    p.polygon(roof, (-0.88, 0.1), (0, 0.84), (0.88, 0.1))
    p.polygon((104, 66, 40), (-0.14, -0.72), (-0.14, -0.22), (0.14, -0.22), (0.14, -0.72))
    for x in (-0.44, 0.44):
        p.polygon((160, 204, 230), (x - 0.17, -0.3), (x - 0.17, 0), (x + 0.17, 0), (x + 0.17, -0.3))
        p.line((250, 250, 250), 0.03, (x, -0.3), (x, 0))
        p.line((250, 250, 250), 0.03, (x - 0.17, -0.15), (x + 0.17, -0.15))


def tree(p):
    green = p.tint((64, 130, 54))
    p.shadow(0, -0.84, 0.5, 0.08)
    p.polygon((108, 76, 48), (-0.13, -0.85), (-0.09, 0.1), (0.09, 0.1), (0.13, -0.85))
    for _ in range(16):
        angle, far = p.pick.uniform(0, math.tau), p.pick.uniform(0, 0.4)
        p.ellipse(p.tint(green, 12), far * 1.1 * math.cos(angle), 0.35 + far * math.sin(angle), p.pick.uniform(0.22, 0.34))


def sea(p):
    p.image = p.gradient(p.tint((250, 186, 116), 14), 40 if p.shaded else 0)
    p.ellipse((255, 236, 140), 0, 0.28, 0.36)
    wide = 2
    p.polygon(p.tint(WATER), (-wide, -0.05), (wide, -0.05), (wide, -2), (-wide, -2))
    for index in range(7):
        y, half = -0.14 - 0.13 * index, 0.3 - 0.02 * index + p.pick.uniform(-0.06, 0.06)
        p.line((255, 222, 150), 0.04, (-half, y), (half, y))
    for _ in range(8):
        x, y = p.pick.uniform(-1.2, 1.2), p.pick.uniform(-1.2, -0.2)
        p.line((150, 190, 214), 0.025, (x - 0.14, y), (x, y + 0.04), (x + 0.14, y))


def apple(p):
    skin = p.tint(p.pick.choice(((200, 36, 40), (120, 176, 50), (214, 60, 44))))
    p.shadow(0, -0.72, 0.55, 0.1)
    for x in (-0.22, 0.22):
        p.ellipse(skin, x, -0.08, 0.46, 0.6)
    p.polygon(skin, (-0.4, -0.4), (0.4, -0.4), (0.2, -0.7), (-0.2, -0.7))
    p.ellipse(tuple(int(c * 0.6) for c in skin), 0, 0.44, 0.16, 0.06)
    p.line((90, 60, 36), 0.07, (0, 0.42), (0.05, 0.64), (0.12, 0.78))
    p.ellipse((90, 150, 60), 0.32, 0.7, 0.24, 0.1, 24)
    p.ellipse(tuple(min(255, c + 70) for c in skin), -0.34, 0.16, 0.08, 0.16, -18)


def bicycle(p):
    frame = p.tint(p.pick.choice(((36, 90, 180), (190, 40, 40), (40, 130, 80))))
    p.shadow(0, -0.72, 0.95, 0.07)
    for x in (-0.56, 0.56):
        p.ring((36, 36, 38), x, -0.3, 0.4, 0.07)
        for k in range(6):
            c, s = 0.38 * math.cos(math.pi * k / 6), 0.38 * math.sin(math.pi * k / 6)
            p.line((150, 150, 154), 0.014, (x - c, -0.3 - s), (x + c, -0.3 + s))
    p.line(frame, 0.07, (-0.56, -0.3), (-0.22, 0.3), (0.36, 0.34), (-0.04, -0.3), (-0.56, -0.3))
    p.line(frame, 0.07, (-0.04, -0.3), (-0.28, 0.42))
    p.line(frame, 0.07, (0.56, -0.3), (0.34, 0.5))
    p.line((30, 30, 30), 0.09, (-0.42, 0.45), (-0.14, 0.45))
    p.line((30, 30, 30), 0.06, (0.34, 0.5), (0.36, 0.6), (0.54, 0.6), (0.58, 0.5))
    p.ring((60, 60, 64), -0.04, -0.3, 0.1, 0.04)
    p.line((60, 60, 64), 0.04, (-0.04, -0.3), (0.06, -0.5), (0.16, -0.5))


def bird(p):
    body = p.tint(p.pick.choice(((60, 110, 180), (90, 80, 74), (200, 90, 50))))
    dark = tuple(int(c * 0.7) for c in body)
    p.polygon(dark, (0.05, 0.1), (-0.3, 0.86), (-0.55, 0.74), (-0.35, 0.1))
    p.polygon(dark, (-0.6, -0.08), (-1.0, 0.1), (-0.98, -0.22))
    p.ellipse(body, -0.08, 0, 0.58, 0.2, 6)
    p.ellipse(body, 0.5, 0.14, 0.19)
    p.polygon((240, 170, 50), (0.66, 0.2), (0.9, 0.12), (0.66, 0.06))
    p.ellipse((20, 20, 20), 0.56, 0.19, 0.035)
    p.polygon(body, (0.22, 0.06), (0.3, 0.9), (-0.02, 0.82), (-0.34, 0.04))
    p.ellipse((240, 236, 226), 0.05, -0.08, 0.4, 0.1, 6)


def fish(p):
    scale = p.tint(p.pick.choice(((240, 140, 40), (220, 200, 60), (230, 90, 90))))
    dark = tuple(int(c * 0.75) for c in scale)
    p.polygon(dark, (-0.5, 0), (-0.95, 0.38), (-0.82, 0), (-0.95, -0.38))
    p.polygon(dark, (-0.2, 0.3), (0.05, 0.62), (0.34, 0.28))
    p.polygon(dark, (-0.1, -0.3), (0.02, -0.56), (0.24, -0.3))
    p.ellipse(scale, 0.08, 0, 0.66, 0.38)
    for x in (-0.22, 0.06):
        p.line((250, 246, 230), 0.08, (x, 0.3), (x + 0.05, 0), (x, -0.3))
    p.ellipse((250, 250, 250), 0.48, 0.1, 0.1)
    p.ellipse((20, 20, 20), 0.5, 0.1, 0.05)
    p.line((120, 60, 30), 0.03, (0.72, -0.1), (0.58, -0.14))
    for index in range(4):
        p.ring((214, 236, 246), 0.82 + 0.05 * index, 0.25 + 0.2 * index, 0.05 + 0.012 * index, 0.02)


def flower(p):
    petal = p.tint(p.pick.choice(((220, 70, 120), (240, 240, 240), (236, 200, 60), (150, 90, 190))))
    p.line((70, 130, 60), 0.08, (0, 0.2), (0.03, -0.4), (0, -0.98))
    p.ellipse((80, 146, 66), 0.24, -0.5, 0.26, 0.09, 32)
    p.ellipse((80, 146, 66), -0.22, -0.66, 0.26, 0.09, 148)
    count = p.pick.choice((6, 7, 8))
    for k in range(count):
        angle = 360 * k / count
        p.ellipse(p.tint(petal, 8), 0.36 * math.cos(math.radians(angle)), 0.3 + 0.36 * math.sin(math.radians(angle)), 0.28, 0.15, angle)
    p.ellipse((236, 180, 40) if petal[2] > 100 else (120, 76, 40), 0, 0.3, 0.17)


def clock(p):
    rim = p.tint(p.pick.choice(((150, 40, 40), (50, 60, 90), (170, 130, 60))))
    p.shadow(0.03, -0.86, 0.6, 0.08)
    p.ellipse(rim, 0, 0, 0.84)
    p.ellipse((250, 248, 240), 0, 0, 0.7)
    for k in range(12):
        c, s = math.cos(math.tau * k / 12), math.sin(math.tau * k / 12)
        inner = 0.52 if k % 3 == 0 else 0.58
        p.line((30, 30, 34), 0.06 if k % 3 == 0 else 0.03, (inner * c, inner * s), (0.64 * c, 0.64 * s))
    for length, width in ((0.36, 0.08), (0.54, 0.05)):
        angle = p.pick.uniform(0, math.tau)
        p.line((20, 20, 24), width, (0, 0), (length * math.cos(angle), length * math.sin(angle)))
    p.ellipse((20, 20, 24), 0, 0, 0.06)


THINGS = {
    "car": (car, SKY, (150, 150, 152)), "dog": (dog, SKY, GRASS), "cat": (cat, WALL, (160, 120, 86)), "house": (house, SKY, GRASS), "tree": (tree, SKY, GRASS), "sea": (sea, SKY, None),
    "apple": (apple, WALL, (170, 130, 90)), "bicycle": (bicycle, SKY, (160, 160, 158)), "bird": (bird, SKY, None), "fish": (fish, (70, 140, 190), None), "flower": (flower, (206, 226, 206), None),
    "clock": (clock, WALL, None),
}


def drawn(name: str, style: str, variant: int) -> Image.Image:
    draw, background, ground = THINGS[name]
    pen = Pen(random.Random(f"{name} {style} {variant}"), style == "shaded", background, ground if style == "shaded" else None)
    draw(pen)
    return pen.done()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sheet", type=Path, help="all of them on one picture, to be looked at")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    sheet = Image.new("RGB", (len(THINGS) * 128, 2 * VARIANTS * 128), "white")
    for column, name in enumerate(THINGS):
        for row, (style, variant) in enumerate((style, variant) for style in ("flat", "shaded") for variant in range(VARIANTS)):
            image = drawn(name, style, variant)
            image.save(arguments.out / f"{name}-{style}-{variant}.png")
            sheet.paste(image.resize((128, 128), Image.LANCZOS), (128 * column, 128 * row))
    if arguments.sheet:
        sheet.save(arguments.sheet)
    with open(arguments.out / "texts.tsv", "w", encoding="utf-8") as file:
        file.write("name\tlanguage\ttext\n")
        file.writelines(f"{name}\t{language}\t{text}\n" for name, texts in TEXTS.items() for language, text in zip(LANGUAGES, texts))


if __name__ == "__main__":
    main()

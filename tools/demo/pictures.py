"""Draws glyphs of a colour font as small scenes: what `make demo` embeds as pictures. Runs with Debian's python3-pil."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
GLYPH = 109  # The font is a set of bitmaps, of this size only.

# File: glyph, background, size.
PICTURES = {
    "dog.jpg": ("🐕", (214, 236, 214), (640, 480)),
    "cat.png": ("🐈", (236, 226, 206), (512, 512)),
    "tree.webp": ("🌳", (206, 226, 246), (480, 640)),
    "car.png": ("🚗", (226, 226, 230), (640, 360)),
    "bell.gif": ("🔔", (246, 246, 246), (320, 320)),
}


def draw(glyph, background, size):
    font = ImageFont.truetype(FONT, GLYPH)
    left, top, right, bottom = font.getbbox(glyph)
    mark = Image.new("RGBA", (right - left, bottom - top))
    ImageDraw.Draw(mark).text((-left, -top), glyph, font=font, embedded_color=True)
    side = int(min(size) * 0.8)
    mark = mark.resize((side, side * mark.height // mark.width), Image.LANCZOS)
    picture = Image.new("RGB", size, background)
    picture.paste(mark, ((size[0] - mark.width) // 2, (size[1] - mark.height) // 2), mark)
    return picture


folder = Path(sys.argv[1])
for name, scene in PICTURES.items():
    draw(*scene).save(folder / name)

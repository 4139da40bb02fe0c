"""Draws a document of two pages: what `make demo` embeds as PDF. Runs with Debian's python3-cairo."""

import sys

import cairo

WIDTH, HEIGHT = 595, 842  # A4, in points

TITLE = "Apple pie"
STEPS = [
    "Peel eight apples and cut them into thin slices.",
    "Mix them with sugar, cinnamon and the juice of a lemon.",
    "Line a round dish with pastry, fill in the apples,",
    "and cover them with the rest of the pastry.",
    "Bake for fifty minutes until the top is golden brown.",
]


def text(context, size, x, y, line):
    context.select_font_face("DejaVu Sans")
    context.set_font_size(size)
    context.move_to(x, y)
    context.show_text(line)


surface = cairo.PDFSurface(sys.argv[1], WIDTH, HEIGHT)
context = cairo.Context(surface)
text(context, 32, 60, 100, TITLE)
for number, line in enumerate(STEPS):
    text(context, 15, 60, 160 + 26 * number, line)
context.show_page()

# The pie, from above.
for radius, color in ((200, (0.80, 0.58, 0.30)), (170, (0.93, 0.76, 0.45)), (12, (0.55, 0.33, 0.15))):
    context.set_source_rgb(*color)
    # Not from where the last text ended.
    context.new_path()
    context.arc(WIDTH / 2, HEIGHT / 2, radius, 0, 7)
    context.fill()
context.set_source_rgb(0, 0, 0)
text(context, 15, 60, 760, "Serve it warm, with cream.")
context.show_page()
surface.finish()

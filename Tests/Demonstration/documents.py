"""Documents of a few pages, by cairo."""

import subprocess
import sys
from pathlib import Path

import cairo
from drawings import DEMO

# A page: a heading and lines.
DOCUMENTS = {
    "bicycle-manual.pdf": (
        (
            "Care of your bicycle",
            "Wipe the frame with a soft cloth after every ride.",
            "Put a drop of oil on each link of the chain once a month.",
            "Turn the pedals backwards and take off what is left over."),
        (
            "A flat tyre",
            "Take the wheel off and lift the tyre over the rim with two levers.",
            "Pump up the inner tube and hold it under water: bubbles show the hole.",
            "Roughen the place, put glue on it, wait five minutes and press the patch on."),
        (
            "Brakes",
            "Pads that are thinner than a millimetre are replaced.",
            "If a lever comes near the handlebar, tighten the cable."),
    ),
    "mietvertrag.pdf": (
        (
            "Mietvertrag",
            "Die Miete beträgt 850 Euro im Monat und ist bis zum dritten Werktag zu zahlen.",
            "Dazu kommen 120 Euro für Heizung und Wasser.",
            "Der Mieter zahlt eine Kaution von zwei Monatsmieten."),
        (
            "Kündigung",
            "Der Mieter kann den Vertrag mit einer Frist von drei Monaten kündigen.",
            "Die Kündigung muss schriftlich geschehen.",
            "Die Wohnung ist sauber und mit allen Schlüsseln zurückzugeben."),
    ),
}


def document(path: Path, pages: tuple) -> None:
    surface = cairo.PDFSurface(str(path), 595, 842)  # A4, in points
    # Otherwise the time of day is in the file.
    surface.set_metadata(cairo.PDF_METADATA_CREATE_DATE, "2026-01-01T00:00:00Z")
    context = cairo.Context(surface)
    context.select_font_face("DejaVu Sans")
    for heading, *lines in pages:
        context.set_font_size(26)
        context.move_to(50, 100)
        context.show_text(heading)
        context.set_font_size(12)
        for number, line in enumerate(lines):
            context.move_to(50, 150 + 24 * number)
            context.show_text(line)
        context.show_page()
    surface.finish()


def make(folder: Path) -> None:
    for name, pages in DOCUMENTS.items():
        document(folder / name, pages)
    # The demo's own.
    subprocess.run([sys.executable, DEMO / "document.py", folder / "apple-pie.pdf"], check=True)

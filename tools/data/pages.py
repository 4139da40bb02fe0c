#!/usr/bin/env python3
"""Pages of text as PDF for castor-small: each beside the sentence that says what it is about.

    tools/data/pages.py DATA OUT [--pages 1500]

OUT receives PDF files and manifest.jsonl: file, text, english. Pages are tldr's of commands (beside their summary, which the page does not hold) and lists of
sentences on one word (its WordNet gloss beside them). Needs cairo for Python (Debian's python3-cairo).
"""
import argparse
import csv
import hashlib
import json
import lzma
import sys
import textwrap
from pathlib import Path

import cairo

csv.field_size_limit(1 << 30)
WIDTH, HEIGHT = 595, 842
"""A4, in points."""
FACES = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono")


def rows(path: Path) -> list[dict[str, str]]:
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def commands(data: Path) -> list[tuple[str, list[str], str]]:
    """(title, lines, what it is about)."""
    pages: dict[str, tuple[list[str], str]] = {}
    for row in rows(data / "train/code/tldr.tsv.xz"):
        lines, _ = pages.setdefault(row["command"], ([], row["page_summary"]))
        lines += [f"{row['description']}:", f"    {row['example']}"]
    return [(title, lines, summary) for title, (lines, summary) in pages.items() if len(lines) >= 6]


def words(data: Path) -> list[tuple[str, list[str], str]]:
    return [
        (row["words"].split("|")[0].replace("_", " "), row["examples"].split("|"), row["gloss"])
        for row in rows(data / "train/lexical/wordnet.tsv.xz") if row["examples"].count("|") >= 2
    ]


def draw(path: Path, title: str, lines: list[str], chance: int) -> None:
    surface = cairo.PDFSurface(str(path), WIDTH, HEIGHT)
    context = cairo.Context(surface)
    context.select_font_face(FACES[chance % 3], cairo.FONT_SLANT_NORMAL, cairo.FONT_WEIGHT_BOLD)
    context.set_font_size(20 + chance // 3 % 12)
    context.move_to(50, 80)
    context.show_text(title)
    size = 9 + chance // 36 % 6
    context.select_font_face(FACES[chance // 7 % 3])
    context.set_font_size(size)
    y = 120.0
    for line in lines:
        for piece in textwrap.wrap(line, int(800 / size)) or [""]:
            if y > HEIGHT - 50:
                break
            context.move_to(50, y)
            context.show_text(piece)
            y += 1.4 * size
        y += 0.5 * size
    surface.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pages", type=int, default=1500)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    def order(page) -> bytes:
        return hashlib.sha1(page[0].encode()).digest()
    half = arguments.pages // 2
    chosen = sorted(commands(arguments.data), key=order)[:half] + sorted(words(arguments.data), key=order)[: arguments.pages - half]
    entries = []
    for index, (title, lines, about) in enumerate(chosen):
        name = f"{index:05d}.pdf"
        draw(arguments.out / name, title, lines, int.from_bytes(order((title,))[:4], "big"))
        entries.append({"file": name, "text": about, "english": about})
    with open(arguments.out / "manifest.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    print(f"{len(entries):,} pages")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Draws what tools/cost/measure.py measured, as SVG, and prints the core hours of 100 million tokens.

    python3 tools/cost/plot.py RESULTS.json docs/images
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

COLOURS = ["#0b6e8f", "#c0522d", "#5b8c2a", "#7a4fa3", "#b08900"]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 64, 150, 34, 46
THREAD_TEXTS = 64
HOURS = 1e8 / 3600
"""Core hours of 100 million tokens, from seconds of processor time a token."""


def ticks(low: float, high: float, base: int) -> list[float]:
    first, last = (math.floor(math.log(low, base) + 1e-9), math.ceil(math.log(high, base) - 1e-9))
    return [float(base) ** power for power in range(first, last + 1)]


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def plot(title: str, across: str, up: str, names: list[str], lines: dict[str, list[tuple[float, float]]]) -> str:
    """Lines on logarithmic axes, with a label each at the right."""
    xs = [x for line in lines.values() for x, _ in line]
    ys = [y for line in lines.values() for _, y in line]
    x_ticks, y_ticks = ticks(min(xs), max(xs), 2), ticks(min(ys), max(ys), 2)
    low, high = y_ticks[0], y_ticks[-1] if len(y_ticks) > 1 else y_ticks[0] * 2

    def place(x: float, y: float) -> tuple[float, float]:
        wide = math.log(max(xs) / min(xs)) or 1
        return (LEFT + (WIDTH - LEFT - RIGHT) * math.log(x / min(xs)) / wide,
                HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log(y / low) / math.log(high / low))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><text x="{LEFT}" y="20" font-size="14">{title}</text>']
    for y in y_ticks:
        if low <= y <= high:
            height = place(min(xs), y)[1]
            out.append(f'<path d="M{LEFT} {height:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/><text x="{LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{number(y)}</text>')
    for x in x_ticks:
        if min(xs) <= x <= max(xs):
            side = place(x, low)[0]
            out.append(f'<path d="M{side:.1f} {HEIGHT - BOTTOM}v4" stroke="#555"/><text x="{side:.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{number(x)}</text>')
    out.append(f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#555"/>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{across}</text>')
    out.append(f'<text x="14" y="{(TOP + HEIGHT - BOTTOM) / 2}" text-anchor="middle" transform="rotate(-90 14 {(TOP + HEIGHT - BOTTOM) / 2})">{up}</text>')
    labels: list[float] = []
    for name, line in sorted(lines.items(), key=lambda item: -item[1][-1][1]):
        colour = COLOURS[names.index(name) % len(COLOURS)]
        points = [place(x, y) for x, y in line]
        out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points]
        height = max(points[-1][1] + 4, (labels[-1] + 14) if labels else 0)
        labels.append(height)
        out.append(f'<text x="{WIDTH - RIGHT + 8}" y="{height:.1f}" fill="{colour}">{name}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def name_of(row: dict) -> str:
    return row["model"] if row["program"] == "castor" else f'{row["model"]}, PyTorch'


def main(results: str, folder: str) -> None:
    rows = json.loads(Path(results).read_text())
    target = Path(folder)
    most = rows[-1]["threads"]

    def lines(kind: str, threads: int, x: str, y: str) -> dict[str, list[tuple[float, float]]]:
        found: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            if row["kind"] == kind and row["threads"] == threads:
                found.setdefault(name_of(row), []).append((row[x], row[y] / row["tokens"] / row["texts"] * HOURS))
        return {name: sorted(line) for name, line in found.items()}

    what = "core hours of 100 million tokens"
    names = sorted({name_of(row) for row in rows})
    (target / "cost-tokens.svg").write_text(plot("By tokens of a text", "tokens of a text", what, names, lines("length", most, "tokens", "processor")))
    (target / "cost-batch.svg").write_text(plot("By texts of a call", "texts of some 34 tokens in a call", what, names, lines("batch", most, "texts", "processor")))
    threads: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row["kind"] == "batch" and row["texts"] == THREAD_TEXTS:
            threads.setdefault(name_of(row), []).append((row["threads"], row["processor"] / row["tokens"] / row["texts"] * HOURS))
    (target / "cost-threads.svg").write_text(plot(f"By threads, {THREAD_TEXTS} texts of some 34 tokens", "threads", what, names, {name: sorted(line) for name, line in threads.items()}))
    for kind in ("length", "batch"):
        for name, line in lines(kind, most, "tokens" if kind == "length" else "texts", "processor").items():
            print(f"{kind:7}{name:24}" + "  ".join(f"{x:g}: {y:.2f}" for x, y in line))
    for name, line in threads.items():
        print(f"threads {name:24}" + "  ".join(f"{x:g}: {y:.2f}" for x, y in sorted(line)))


if __name__ == "__main__":
    main(*sys.argv[1:])

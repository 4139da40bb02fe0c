"""Compares what tools/package/vectors printed at two places, and says what differs.

    python3 tools/package/compare.py HERE THERE [TOLERANCE [NAME...]]      # names that may lack a library there
"""

import pathlib
import sys

# libheif enlarges chroma otherwise from version to version (docs/model.md, section 8); libopus decodes otherwise.
DECODERS = {".heic": 2e-3, ".avif": 2e-3, ".opus": 1e-4}


def read(path):
    lines = (line.rstrip("\n").split("\t", 1) for line in open(path))
    return {name: rest.strip() for name, rest in lines}


def values(text):
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        return None


def problems(here, there, tolerance, excused):
    """Lines for what should not be, and those to tell."""
    wrong, told = [], []
    for name, expected in here.items():
        one, other = values(expected), values(there.get(name, ""))
        if one is None:
            wrong.append(f"{name}: no vector here: {expected}")
        elif not other:
            (told if name in excused else wrong).append(f"{name}: no vector there: {there.get(name)}")
        elif (most := max(abs(a - b) for a, b in zip(one, other, strict=True))) > max(tolerance, DECODERS.get(pathlib.PurePath(name).suffix, 0)):
            wrong.append(f"{name}: differs by {most:.1e}")
        else:
            told.append(f"{name}: the same to {most:.1e}")
    return wrong, told


if __name__ == "__main__":
    here, there, *rest = sys.argv[1:]
    wrong, told = problems(read(here), read(there), float(rest[0]) if rest else 2e-6, rest[1:])
    print(*("   " + line for line in told), *("** " + line for line in wrong), sep="\n")
    sys.exit(1 if wrong else 0)

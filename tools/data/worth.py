#!/usr/bin/env python3
"""The English texts of a folder in the order in which teachers had best read them: what many translations stand beside and what is short comes first.

    tools/data/worth.py FOLDER DATA NAME KIND...        FOLDER/NAME.txt from FOLDER/KIND.txt, without what another NAME of FOLDER/worth.json has

A text's worth is one, and the root of how many texts of FOLDER/*.tsv and how much code of the training data pack DATA have it beside them (sixty translations of one message teach less than two of each of thirty);
its cost is what a teacher reads, about a token for 4.5 characters, and ten more so that single words do not come before all sentences.
"""
import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from held_out import hashed, rows
from text_sources import code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("name")
    parser.add_argument("kinds", nargs="+")
    arguments = parser.parse_args()
    folder, known = arguments.folder, arguments.folder / "worth.json"
    names = json.loads(known.read_text()) if known.exists() else []
    taken = {text for name in names if name != arguments.name for text in (folder / f"{name}.txt").read_text(encoding="utf-8").split("\n")}
    beside = Counter(english for _, english in code(arguments.data))
    for path in sorted(folder.glob("*.tsv")):
        beside.update(row[2] for row in rows(path))
    texts = dict.fromkeys(text for kind in arguments.kinds for text in (folder / f"{kind}.txt").read_text(encoding="utf-8").split("\n") if text)

    def price(text: str) -> tuple[float, int]:
        return -(1 + beside[text] ** 0.5) / (10 + len(text) / 4.5), hashed(text, 1 << 32)
    ordered = sorted((text for text in texts if text not in taken), key=price)
    (folder / f"{arguments.name}.txt").write_text("".join(f"{text}\n" for text in ordered), encoding="utf-8")
    known.write_text(json.dumps(list(dict.fromkeys([*names, arguments.name]))))
    for count in (50_000, 100_000, 200_000, 300_000, 400_000, 600_000, len(ordered)):
        part = ordered[:count]
        if len(part) == count:
            print(f"{arguments.name}: {count:,} texts of {sum(map(len, part)) / count:.0f} characters have {sum(beside[text] for text in part):,} beside them")


if __name__ == "__main__":
    sys.exit(main())

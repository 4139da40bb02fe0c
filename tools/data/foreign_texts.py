#!/usr/bin/env python3
"""Texts of the training data pack in languages other than English, each once: what the multilingual teacher reads, whether a translation stands beside it or not.

    tools/data/foreign_texts.py DATA OUT        OUT/foreign.txt, a text a line, and OUT/foreign.tsv: language, text, English (empty where the pack has none)

Short names are a sixth of what there is: emoji have 260,985, much alike. Lines in the order of a hash, so that any part of the file has every language.
"""
import argparse
import sys
from pathlib import Path

from text_sources import bitext, clean, in_hash_order, names, rows, stamps

NAMES = 0.25
"""Share of emoji names and keyword lists."""


def word_texts(data: Path) -> list[tuple[str, str, str]]:
    """(locale, word, English) of the pictures of words."""
    table = rows(data / "train/images/words/texts.tsv")
    english = {row["word"]: clean(row["text"]) for row in table if row["locale"] in ("en", "en_GB")}
    return [(row["locale"], clean(row["text"]), english.get(row["word"], "")) for row in table if not row["locale"].startswith("en")]


def medical(data: Path) -> list[tuple[str, str, str]]:
    """All of TICO-19, of which `bitext` takes a part."""
    return [(row["lang"], clean(row["translation"]), clean(row["english"])) for row in rows(data / "train/bitext/tico19.tsv.xz")]


def texts(data: Path) -> list[tuple[str, str, str]]:
    def spelled(kind):
        return [(language, text, english) for language, english, text in kind(data)]
    some_names = in_hash_order(spelled(names), "\t".join)
    found = [*spelled(bitext), *medical(data), *stamps(data), *word_texts(data), *some_names[: int(len(some_names) * NAMES)]]
    first = {text: (language, text, english) for language, text, english in reversed(found) if text and not language.startswith("en")}
    return in_hash_order(first.values(), "\t".join)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = texts(arguments.data)
    (arguments.out / "foreign.txt").write_text("".join(f"{text}\n" for _, text, _ in found), encoding="utf-8")
    (arguments.out / "foreign.tsv").write_text("".join("\t".join(row) + "\n" for row in [("lang", "text", "english"), *found]), encoding="utf-8")
    print(f"{len(found):,} texts, {len({language for language, _, _ in found})} languages")


if __name__ == "__main__":
    sys.exit(main())

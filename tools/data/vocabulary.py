#!/usr/bin/env python3
"""Trains the SentencePiece vocabulary of castor-small (stage 0 of the default model).

    tools/data/vocabulary.py DATA OUT [--pieces 30000] [--texts TEXTS]

DATA is a training data pack (its README describes the files); OUT receives tokenizer.model. Needs the program
spm_train (Debian package `sentencepiece`). The text is deterministic, so the same pack gives the same vocabulary. TEXTS is the
folder that text_sets.py, foreign_texts.py and debian_texts.py filled: version 4's lines are taken from there (docs/training-log.md, "Vocabulary").
"""
import argparse
import csv
import lzma
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from identifiers import split_identifiers

csv.field_size_limit(1 << 30)

ENGLISH_TIMES = 3
MOST = {
    "foreign": 4_500, "libreoffice": 1_500, "help": 2_000, "wesnoth": 2_000, "descriptions": 3_000, "guides": 2_000, "manuals": 2_000, "dictionaries": 1_500, "fortunes": 2_000,
}
"""Version 4: lines of a language, by kind."""


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a TSV file without quoting, xz-compressed or not."""
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def sentences(data: Path) -> list[str]:
    """Translations whole, English three times, names sampled, code by lines: more of the pieces are then whole English words, which have a
    vector by the teacher (docs/training-log.md)."""
    pick = random.Random(1)
    text: list[str] = []
    for name in ("tatoeba", "tico19", "tldr"):
        text += [row["translation"] for row in rows(data / f"train/bitext/{name}.tsv.xz")]
    with lzma.open(data / "train/text/english.txt.xz", "rt", encoding="utf-8") as file:
        text += file.read().splitlines() * ENGLISH_TIMES
    names = rows(data / "train/names/cldr.tsv.xz")
    text += [f"{row['name']} {row['keywords'] or ''}".replace("|", " ") for row in pick.sample(names, 60_000)]
    # Each emoji often enough to become a piece rather than four bytes.
    text += [row["emoji"] for row in names if row["lang"] in ("en", "de", "es", "ja", "ru") and row["keywords"]] * 4
    text += lines_of_code(data, pick)
    pick.shuffle(text)
    return [" ".join(line.split()) for line in text if line.strip()]


def lines_of_code(data: Path, pick: random.Random) -> list[str]:
    found: list[str] = []
    for row in pick.sample(rows(data / "train/code/docstrings.tsv.xz"), 12_000):
        code = row["code"].replace("\\n", "\n").replace("\\t", "    ").replace("\\\\", "\\")
        found += [line.strip() for line in code.splitlines() if len(line.strip()) > 3]
    return found


def version_4_sentences(data: Path, texts: Path) -> list[str]:
    """English twice, other languages each up to so many lines of a kind, emoji, code; names of code taken apart as the tokenizer's model will."""
    pick = random.Random(1)
    found = (texts / "english.txt").read_text(encoding="utf-8").splitlines() * 2
    for kind, most in MOST.items():
        counts: Counter[str] = Counter()
        with open(texts / f"{kind}.tsv", encoding="utf-8") as file:
            next(file)
            for line in file:
                language, text = line.split("\t", 2)[:2]
                counts[language] += 1
                if counts[language] <= most:
                    found.append(text)
    found += [row["emoji"] for row in rows(data / "train/names/cldr.tsv.xz") if row["lang"] in ("en", "de", "es", "ja", "ru") and row["keywords"]] * 4
    found += lines_of_code(data, pick)
    pick.shuffle(found)
    return [" ".join(split_identifiers(line).split()) for line in found if line.strip()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pieces", type=int, default=30_000)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    lines = version_4_sentences(arguments.data, arguments.texts) if arguments.texts else sentences(arguments.data)
    print(f"{len(lines):,} lines, {sum(map(len, lines)):,} characters", file=sys.stderr)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.txt"
        corpus.write_text("\n".join(lines) + "\n", encoding="utf-8")
        subprocess.run(
            [
                "spm_train", f"--input={corpus}", f"--model_prefix={folder}/tokenizer",
                f"--vocab_size={arguments.pieces}", "--model_type=unigram", "--byte_fallback=true",
                # Case folded: 30,000 pieces for 130 languages have none to spare for capitals.
                "--normalization_rule_name=nmt_nfkc_cf", "--character_coverage=0.9997",
                "--input_sentence_size=0", "--max_sentence_length=4000", f"--num_threads={arguments.threads}",
                "--split_digits=true", "--pad_id=-1", "--bos_id=-1", "--unk_id=0", "--eos_id=1",
                "--train_extremely_large_corpus=false", "--minloglevel=1",
            ],
            check=True,
        )
        (arguments.out / "tokenizer.model").write_bytes(Path(folder, "tokenizer.model").read_bytes())
    print(f"wrote {arguments.out / 'tokenizer.model'}", file=sys.stderr)


if __name__ == "__main__":
    main()

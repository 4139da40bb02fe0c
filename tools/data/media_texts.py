#!/usr/bin/env python3
"""The English of pictures, sounds and spoken words, and the names of the teachers' classes, with the vectors that texts follow.

    tools/data/media_texts.py lines DATA OUT [--made FOLDER]     OUT/media.txt; then vectors.py OUT english MODEL and vectors.py OUT multilingual MODEL TOKENIZER
    tools/data/media_texts.py targets DATA OUT AXES.npz            OUT/texts.json, OUT/texts.npy [texts, 384] f16, as text_targets_joined.py makes them

AXES.npz is what text_targets_joined.py wrote. Names of classes are in texts.json under "pictures" and "sounds", in the teachers' order, as numbers of texts.
"""
import argparse
import csv
import json
import sys
from pathlib import Path

import media_files
import numpy as np
from text_sources import clean
from text_targets_joined import read, unit


def names_of_pictures(data: Path) -> list[str]:
    """The first two names of each of 1,000 classes; the first line of the file is the background."""
    lines = (data / "teachers/mobilenetv2/imagenet_labels.txt").read_text(encoding="utf-8").splitlines()[1:]
    return [", ".join(line.split(", ")[:2]) for line in lines]


def names_of_sounds(data: Path) -> list[str]:
    with open(data / "teachers/efficientat-mn04/class_labels_indices.csv", encoding="utf-8", newline="") as file:
        return [row["display_name"].lower() for row in csv.DictReader(file)]


def lines(data: Path, made: Path | None) -> list[str]:
    found = [file for source in media_files.PICTURES for file in media_files.pictures(data, source)]
    found += [file for source in media_files.SOUNDS for file in media_files.sounds(data, source)]
    found += [file for source in media_files.SPEECH for file in media_files.speech(data, source, made)]
    texts = [text for file in found for text in (*file.texts, file.label)] + names_of_pictures(data) + names_of_sounds(data)
    return list(dict.fromkeys(clean(text) for text in texts if text.strip()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("lines")
    command.add_argument("data", type=Path)
    command.add_argument("out", type=Path)
    command.add_argument("--made", type=Path)
    command = commands.add_parser("targets")
    command.add_argument("data", type=Path)
    command.add_argument("out", type=Path)
    command.add_argument("axes", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.command == "lines":
        texts = lines(arguments.data, arguments.made)
        (arguments.out / "media.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        print(f"{len(texts):,} texts")
        return
    (texts, english), (others, multilingual) = read(arguments.out, "media", "english"), read(arguments.out, "media", "multilingual")
    if texts != others or not texts:
        sys.exit("both teachers have to have read media.txt")
    axes, place = np.load(arguments.axes), {text: index for index, text in enumerate(texts)}
    multilingual = unit(multilingual.astype(np.float32) - axes["mean"])
    np.save(arguments.out / "texts.npy", unit(np.concatenate([multilingual, english.astype(np.float32)], 1) @ axes["turn"]).astype(np.float16))
    names = {"pictures": names_of_pictures(arguments.data), "sounds": names_of_sounds(arguments.data)}
    (arguments.out / "texts.json").write_text(json.dumps({"texts": texts} | {kind: [place[clean(name)] for name in found] for kind, found in names.items()}, ensure_ascii=False))
    print(f"{len(texts):,} vectors")


if __name__ == "__main__":
    sys.exit(main())

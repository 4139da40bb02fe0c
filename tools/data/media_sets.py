#!/usr/bin/env python3
"""Stages 2 and 3 of castor-small: pictures, pairs of frames, sounds, speech, clips and pages beside texts, with the teacher's vector of the English.

    tools/data/media_sets.py lines DATA OUT [--made FOLDER]      OUT/english.txt: the English texts
    tools/data/text_sets.py teacher OUT TEACHER                   their vectors
    tools/data/media_sets.py sets DATA OUT TEXT [--made FOLDER]  OUT/*.jsonl with OUT/*.npy; NAME-SOURCE.jsonl has one source: what has to be told apart within it
                                                                  is finer than between sources; *-alone.jsonl has media without texts

DATA is the training data pack, FOLDER holds what speech.py, clips.py and pages.py made (speech, clips, pages), TEXT the folder of the text sets, whose axes the vectors follow. A
picture has a row for each of its texts, so that an epoch sees it with all of them.
"""
import argparse
import json
import random
import shutil
import sys
from pathlib import Path

import numpy as np
from text_sets import SHARD, rotation
from text_sources import clean, rows

PICTURES = ("openclipart", "noto-emoji", "free-exercise", "clothing", "grocery", "caltech101", "tuxpaint")
CLASSED = ("images/grocery", "images/clothing", "images/caltech101", "audio/esc50")
"""Sources of classes: beside "apple", "a photo of an apple" of another picture would count as wrong, so that their own sets have the class alone."""
KINDS = {".jpg": "image/jpeg", ".ogg": "audio/ogg", ".wav": "audio/wav", ".mp4": "video/mp4", ".pdf": "application/pdf"}
TONGUES = 3
"""Texts in other languages for a picture that has them."""
MIXED = 4
"""Contents of a picture and its text, each beside its text in another language, for a picture that has them."""


def manifest(folder: Path) -> list[dict]:
    with open(folder / "manifest.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def worth_saying(text: str) -> bool:
    """Clip-art titles hold program leftovers."""
    return len(text) > 1 and "HASH(0x" not in text and not text.lower().startswith("clipart by")


def other_languages(data: Path):
    """entry of a manifest -> its texts in languages other than English."""
    names: dict[str, list[str]] = {}
    for row in rows(data / "train/names/cldr.tsv.xz"):
        if row["lang"] != "en" and row["name"]:
            names.setdefault(row["emoji"].replace("\ufe0f", ""), []).append(row["name"])
    stamps: dict[str, list[str]] = {}
    for row in rows(data / "train/images/tuxpaint/texts.tsv"):
        if not row["locale"].startswith("en"):
            stamps.setdefault(row["stamp"], []).append(row["text"])

    def texts(name: str, entry: dict) -> list[str]:
        if name == "noto-emoji":
            return names.get(entry.get("emoji", "").replace("\ufe0f", ""), [])
        return stamps.get(entry.get("stamp", ""), []) if name == "tuxpaint" else []

    return texts


def pictures(data: Path) -> list[tuple[tuple[Path, ...], str, str]]:
    """(files, text, English)."""
    pick = random.Random(2)
    abroad = other_languages(data)
    found = []
    for name in PICTURES:
        folder = data / "train/images" / name
        for entry in manifest(folder):
            texts = [clean(text) for text in entry["captions"] if worth_saying(text)]
            keywords = [word for word in dict.fromkeys(entry["keywords"]) if worth_saying(word)]
            if keywords and name in ("openclipart", "noto-emoji", "free-exercise"):
                texts.append(clean(", ".join(pick.sample(keywords, min(6, len(keywords))))))
            if name in ("grocery", "clothing", "caltech101"):
                texts.append(entry["class"])
            found += [((folder / entry["file"],), text, text) for text in dict.fromkeys(texts) if text]
            others = abroad(name, entry)
            if others and texts:
                tongues = pick.sample(others, min(TONGUES, len(others)))
                found += [((folder / entry["file"],), clean(text), texts[0]) for text in tongues]
    return found


def mixed(data: Path) -> list[tuple[Path, str, str, str]]:
    """(picture, its text in one language, in another, English): neither the picture nor one text alone is the whole content."""
    pick = random.Random(3)
    abroad = other_languages(data)
    found = []
    for name in ("noto-emoji", "tuxpaint"):
        folder = data / "train/images" / name
        for entry in manifest(folder):
            texts = abroad(name, entry)
            if not entry["captions"] or len(texts) < 2:
                continue
            english = clean(entry["captions"][0])
            for _ in range(MIXED):
                first, second = pick.sample([*texts, english], 2)
                found.append((folder / entry["file"], clean(first), clean(second), english))
    return found


def frames(data: Path) -> list[tuple[tuple[Path, ...], str, str]]:
    """Start and end of an exercise as one content of two pictures."""
    folder = data / "train/images/free-exercise"
    exercises: dict[str, list[dict]] = {}
    for entry in manifest(folder):
        exercises.setdefault(entry["exercise"], []).append(entry)
    found = []
    for entries in exercises.values():
        files = tuple(folder / entry["file"] for entry in sorted(entries, key=lambda entry: entry["frame"]))
        found += [(files, clean(text), clean(text)) for text in entries[0]["captions"]]
    return found


def sounds(data: Path) -> list[tuple[tuple[Path, ...], str, str]]:
    found = []
    for name in ("esc50", "tuxpaint_effects", "sonic-pi"):
        folder = data / "train/audio" / name
        for entry in manifest(folder):
            texts = [clean(text) for text in entry["captions"]]
            if name == "esc50":
                texts = [entry["class"], f"the sound of {entry['class']}", entry["class"], *texts]
            found += [((folder / entry["file"],), text, text) for text in texts if text]
    return found


def speech(data: Path, made: Path | None) -> list[tuple[tuple[Path, ...], str, str]]:
    english = {
        entry["stamp"]: clean(entry["captions"][0]) for entry in manifest(data / "train/images/tuxpaint") if entry["captions"]
    }
    folder = data / "train/audio/tuxpaint_speech"
    found = [
        ((folder / entry["file"],), clean(entry["text"]), english[entry["stamp"]])
        for entry in manifest(folder) if entry["stamp"] in english and entry["text"].strip()
    ]
    return found + generated(made, "speech")


def generated(made: Path | None, name: str) -> list[tuple[tuple[Path, ...], str, str]]:
    if not made or not (made / name / "manifest.jsonl").exists():
        return []
    folder = made / name
    return [((folder / entry["file"],), clean(entry["text"]), clean(entry["english"])) for entry in manifest(folder)]


def all_sets(data: Path, made: Path | None):
    found = {
        "pictures": pictures(data), "frames": frames(data), "sounds": sounds(data), "speech": speech(data, made),
        "clips": generated(made, "clips"), "pages": generated(made, "pages"),
    }
    return {name: [sample for sample in samples if sample[1] and sample[2]] for name, samples in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("lines", "sets"):
        command = commands.add_parser(name)
        command.add_argument("data", type=Path)
        command.add_argument("out", type=Path)
        if name == "sets":
            command.add_argument("text", type=Path)
        command.add_argument("--made", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    data = arguments.data.resolve()
    sets = all_sets(data, arguments.made.resolve() if arguments.made else None)
    if arguments.command == "lines":
        lines = dict.fromkeys(english for pairs in sets.values() for _, _, english in pairs)
        (arguments.out / "english.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{len(lines):,} English texts")
        return

    shutil.copy(arguments.text / "rotation.npy", arguments.out)
    texts = (arguments.out / "english.txt").read_text(encoding="utf-8").splitlines()
    shards = [np.load(arguments.out / f"english-shards/{start:08d}.npy") for start in range(0, len(texts), SHARD)]
    vectors = np.concatenate(shards)
    vectors = (vectors @ rotation(arguments.out, vectors)).astype(np.float16)
    place = {text: index for index, text in enumerate(texts)}

    def write(name: str, lines: list[dict], english: list[str]) -> None:
        with open(arguments.out / f"{name}.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        np.save(arguments.out / f"{name}.npy", vectors[[place[text] for text in english]])
        print(f"{name}: {len(lines):,}")

    classes = {
        data / "train" / source / entry["file"]: entry["class"] for source in CLASSED for entry in manifest(data / "train" / source)
    }
    # Generated speech: sentences, stamps and numbers.
    kinds = {}
    if arguments.made and (arguments.made / "speech/manifest.jsonl").exists():
        folder = arguments.made.resolve() / "speech"
        kinds = {folder / entry["file"]: entry["kind"] for entry in manifest(folder)}

    def by_source(samples: list[tuple]) -> dict[str, list[tuple]]:
        found: dict[str, list[tuple]] = {}
        for sample in samples:
            path = sample[0][0]
            source = kinds.get(path) or (path.relative_to(data / "train").parts[1] if path.is_relative_to(data) else "")
            found.setdefault(source, []).append(sample)
        return found if len(found) > 1 else {}

    def write_pairs(name: str, pairs: list[tuple[tuple[Path, ...], str, str]]) -> None:
        write(name, [{"query": content(paths), "positive": content((), text)} for paths, text, _ in pairs], [english for *_, english in pairs])

    def write_alone(name: str, pairs: list[tuple[tuple[Path, ...], str, str]]) -> None:
        """For towers that follow the teacher's vector of the English: no text passes the model."""
        alone = list(dict.fromkeys((paths, english) for paths, _, english in pairs))
        write(f"{name}-alone", [{"query": content(paths)} for paths, _ in alone], [english for _, english in alone])

    for name, pairs in sets.items():
        write_pairs(name, pairs)
        write_alone(name, pairs)
        for source, of_it in by_source(pairs).items():
            write_alone(f"{name}-{source}", of_it)
            # A set of pairs has each once.
            write_pairs(f"{name}-{source}", list(dict.fromkeys(pair for pair in of_it if classes.get(pair[0][0], pair[1]) == pair[1])))
    both = [((path,), first, second, english) for path, first, second, english in mixed(data)]
    for source, of_it in {"": both, **by_source(both)}.items():
        # A caption comes before its picture as often as after it.
        lines = [
            {"query": content(paths, first, text_first=index % 2 == 1), "positive": content((), second)}
            for index, (paths, first, second, _) in enumerate(of_it)
        ]
        write("-".join(filter(None, ("mixed", source))), lines, [english for *_, english in of_it])


def content(paths: tuple[Path, ...], text: str | None = None, text_first: bool = False) -> dict:
    files = [{"fileData": {"mimeType": KINDS[path.suffix], "fileUri": str(path)}} for path in paths]
    texts = [{"text": text}] if text else []
    return {"parts": texts + files if text_first else files + texts}


if __name__ == "__main__":
    sys.exit(main())

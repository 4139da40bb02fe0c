"""The pictures, sounds and spoken words of the training data pack as version 4 learns from them: what each is called in English, and which are held out for decisions."""
import json
from dataclasses import dataclass, field
from pathlib import Path

from held_out import hashed, rows
from text_sources import clean

PICTURES = (
    "caltech101", "caltech101_more", "grocery", "grocery_more", "clothing", "clothing_more", "flowers", "aerial", "recipes", "words", "tuxpaint", "openclipart", "noto-emoji",
    "free-exercise",
)
SOUNDS = ("esc50", "game_sounds", "tuxpaint_effects", "sonic-pi")
SPEECH = ("gcompris_voices", "tuxpaint_speech", "made")
CLASSED = {"caltech101": "caltech101", "caltech101_more": "caltech101", "grocery": "grocery", "grocery_more": "grocery", "clothing": "clothing", "clothing_more": "clothing", "flowers": "flowers",
           "aerial": "aerial", "esc50": "esc50"}
"""Sources of classes, and the set that their classes make together."""
UNSEEN = ("caltech101", "esc50")
"""Sets of which every twelfth class is learned by no name, to see what names tell that were never learned."""


@dataclass
class File:
    path: Path
    name: str
    """SOURCE/NAME: what views.py takes chances by."""
    texts: list[str] = field(default_factory=list)
    label: str = ""
    """Class, where the source has classes."""
    group: str = ""
    """What has to lie on one side of the line between training and what is held out."""
    part: str = ""
    """Where files of a source are of several kinds: which. What is told apart by its length alone teaches little, so that a batch is of one kind."""

    @property
    def held(self) -> bool:
        return hashed(self.group, 10) == 0


def unseen(set_of_classes: str, label: str) -> bool:
    return set_of_classes in UNSEEN and hashed(f"class {label}", 12) == 0


def worth_saying(text: str) -> bool:
    """Clip-art titles hold program leftovers."""
    return len(text) > 1 and "HASH(0x" not in text and not text.lower().startswith("clipart by")


def manifest(folder: Path) -> list[dict]:
    with open(folder / "manifest.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def group_of(source: str, entry: dict) -> str:
    """Of a stamp, a word, an exercise or a recording there may be several files, in pictures and sounds alike."""
    for key in ("stamp", "word", "exercise"):
        if key in entry:
            return f"{key} {entry[key]}"
    if source == "esc50":
        return f"recording {entry['source']}"
    return f"{source}/{entry['file']}"


def near_copies(data: Path) -> set[str]:
    """Files of train/ that an evaluation has nearly the same picture as."""
    return {row[0].removeprefix("train/images/") for row in rows(data / "eval/near_copies.tsv")}


def pictures(data: Path, source: str) -> list[File]:
    left_out, found = near_copies(data), []
    for entry in manifest(data / "train/images" / source):
        texts = [clean(text) for text in entry["captions"] if worth_saying(text)]
        keywords = [word for word in dict.fromkeys(entry["keywords"]) if worth_saying(word)]
        if keywords and source in ("openclipart", "noto-emoji", "free-exercise"):
            texts.append(clean(", ".join(keywords[:6])))
        label = entry["class"] if source in CLASSED else ""
        if f"{source}/{entry['file']}" in left_out:
            texts, label = [], ""
        found.append(File(data / "train/images" / source / entry["file"], f"{source}/{Path(entry['file']).name}", texts, label, group_of(source, entry)))
    return found


def sounds(data: Path, source: str) -> list[File]:
    return [
        File(data / "train/audio" / source / entry["file"], f"{source}/{Path(entry['file']).name}", [clean(text) for text in entry["captions"]],
             entry["class"] if source in CLASSED else "", group_of(source, entry))
        for entry in manifest(data / "train/audio" / source)
    ]


def speech(data: Path, source: str, made: Path | None = None) -> list[File]:
    """Texts are the English of what is said; the group is the word or stamp, so that what is held out was heard from nobody."""
    if source == "made":
        folder = made / "speech" if made else Path()
        return [File(folder / entry["file"], f"made/{entry['file']}", [clean(entry["english"])], "", f"made {entry['english']}", entry["kind"]) for entry in manifest(folder)] if made else []
    stamps = {entry["stamp"]: clean(entry["captions"][0]) for entry in manifest(data / "train/images/tuxpaint") if entry["captions"]}
    found = []
    for entry in manifest(data / "train/audio" / source):
        english = stamps.get(entry["stamp"], "") if "stamp" in entry else clean(entry["word"].replace("_", " "))
        found.append(File(data / "train/audio" / source / entry["file"], f"{source}/{Path(entry['file']).name}", [english] if english else [], "", group_of(source, entry)))
    return found

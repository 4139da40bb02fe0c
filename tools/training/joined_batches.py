"""What things are called in all languages, for joined_student.py."""
from pathlib import Path

import media_files
import numpy as np
import text_sources as sources
from identifiers import split_identifiers
from media_batches import Source, Texts

LONGEST = 64


def tongues(data: Path) -> dict[str, list[str]]:
    """Of a stamp, a word or an emoji, by `stamp NAME`, `word NAME` or `emoji NAME`: its texts in languages other than English."""
    found: dict[str, list[str]] = {}
    for source, key in (("tuxpaint", "stamp"), ("words", "word")):
        for row in sources.rows(data / f"train/images/{source}/texts.tsv"):
            if not row["locale"].startswith("en"):
                found.setdefault(f"{key} {row[key]}", []).append(sources.clean(row["text"]))
    for row in sources.rows(data / "train/names/cldr.tsv.xz"):
        if row["lang"] != "en" and row["name"]:
            found.setdefault(f"emoji {row['emoji']}", []).append(sources.clean(row["name"]))
    return found


class Captions:
    def __init__(self, data: Path, texts: Texts, tokenizer):
        self.texts, self.tokenizer, self.tongues = list(texts.number), tokenizer, tongues(data)
        self.emoji = {Path(entry["file"]).name: entry["emoji"].replace("\ufe0f", "") for entry in media_files.manifest(data / "train/images/noto-emoji")}

    def row(self, text: str) -> np.ndarray:
        return np.array(self.tokenizer.encode(split_identifiers(text))[:LONGEST] + [self.tokenizer.eos_id()])

    def abroad(self, source: Source, index: int) -> list[str]:
        file = source.files[index]
        return self.tongues.get(f"emoji {self.emoji[file.path.name]}" if source.name == "noto-emoji" else file.group, [])

    def said(self, random: np.random.Generator, source: Source, index: int, number: int) -> str:
        """English in half of the cases, if there is another language."""
        others = self.abroad(source, index)
        return str(random.choice(others)) if others and random.random() < 0.5 else self.texts[number]

    def two(self, random: np.random.Generator, source: Source, index: int, number: int) -> tuple[str, str] | None:
        """In two languages."""
        found = [*self.abroad(source, index), self.texts[number]]
        return tuple(map(str, random.choice(found, 2, replace=False))) if len(found) > 2 else None

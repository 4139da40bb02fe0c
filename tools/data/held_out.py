"""What takes no part in training, for decisions: by hashes, so that it is the same in every stage."""
import hashlib
from pathlib import Path

import text_sources as sources

Scored = tuple[str, str, str, float]
"""Language, two sentences, 0 to 5."""


def hashed(text: str, among: int) -> int:
    return int.from_bytes(hashlib.sha1(text.encode()).digest()[:4], "big") % among


def rows(path: Path):
    with open(path, encoding="utf-8") as file:
        next(file)
        for line in file:
            yield line.rstrip("\n").split("\t")


def similarity_pairs(folder: Path, data: Path) -> tuple[list[Scored], list[Scored]]:
    """Pairs of the similarity set to learn from, and a fifth of the English ones held out, with the same pairs in all languages. A pair that shares a sentence with one of those is in neither.
    FOLDER has foreign.tsv, which says what a sentence of another language is in English."""
    table = [
        (row["lang"], sources.clean(row["sentence1"]), sources.clean(row["sentence2"]), float(row["score"]), row) for row in sources.rows(data / "train/sts/stsb_train.tsv")
    ]
    english = {text: source for _, text, source, *_ in rows(folder / "foreign.tsv")}
    held = {(first, second) for language, first, second, _, row in table if language == "en" and hashed(row["score"] + "en" + row["sentence1"], 10) < 2}
    sentences = {text for pair in held for text in pair}
    free, apart = [], []
    for language, first, second, score, _ in table:
        if language != "en" and not {first, second} <= english.keys():
            continue
        pair = (first, second) if language == "en" else (english[first], english[second])
        if pair in held:
            apart.append((language, first, second, score))
        elif not sentences & set(pair):
            free.append((language, first, second, score))
    return free, apart

"""The texts of the training data pack, read and cleaned: translations, names, code, words, passages, captions.

Each function gives the texts of one kind, in an order that stays the same when texts are added. DATA is the pack's folder.
"""
import csv
import hashlib
import json
import lzma
import re
from pathlib import Path

import numpy as np

csv.field_size_limit(1 << 30)

LONGEST = 400
"""Characters of a text. Longer ones cost more than they teach at this stage."""
PASSAGES, FUNCTIONS = 12_000, 8_000
"""How many take part: each costs the teacher as much as ten sentences."""
LONGEST_PASSAGE = 500
"""Characters of a passage: about what the teacher reads of it."""
CODE_SHARE = 0.3
"""Share of the Python functions that the mixed set takes: each costs as much as eight sentences."""


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a TSV file without quoting, xz-compressed or not."""
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def clean(text: str) -> str:
    return " ".join(text.split())[:LONGEST]


def in_hash_order(items, key):
    """A shuffle that stays the same when items are added."""
    return sorted(items, key=lambda item: hashlib.sha1(key(item).encode()).digest())


def aligned(there: list[dict[str, str]], here: list[dict[str, str]]) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Rows of the same original row: both lists keep the original's order and scores, and each lacks some. The heaviest common subsequence, where a match
    weighs as much as its lengths agree (Gale and Church 1993, "A Program for Aligning Sentences in Bilingual Corpora")."""
    def lengths(row):
        return np.log([1 + len(row["sentence1"]), 1 + len(row["sentence2"])])
    a, b = np.array([lengths(row) for row in there]), np.array([lengths(row) for row in here])
    # Alphabets differ in characters a word: by as much as the lists do on average.
    weight = 1 - np.abs(a[:, None] - b[None] - (np.median(a, 0) - np.median(b, 0))).mean(2)
    same = np.array([row["score"] for row in there])[:, None] == np.array([row["score"] for row in here])[None]
    weight = np.where(same, weight, -1)
    best = np.zeros((len(a) + 1, len(b) + 1))
    for i in range(len(a)):
        match = np.where(weight[i] > 0, best[i, :-1] + weight[i], 0)
        best[i + 1, 1:] = np.maximum.accumulate(np.maximum(best[i, 1:], match))
    pairs, i, j = [], len(a), len(b)
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((there[i], here[j]))
    return pairs[::-1]


def similarity_pairs(data: Path) -> list[tuple[str, str, str]]:
    """(language, English, translation): the sentences of the similarity set, which is there in 11 languages."""
    by_language: dict[str, list[dict[str, str]]] = {}
    for row in rows(data / "train/sts/stsb_train.tsv"):
        by_language.setdefault(row["lang"], []).append(row)
    return [
        (language, clean(here[key]), clean(there[key]))
        for language, found in by_language.items() if language != "en"
        for there, here in aligned(found, by_language["en"]) for key in ("sentence1", "sentence2")
    ]


def bitext(data: Path) -> list[tuple[str, str, str]]:
    """(language, English, translation)."""
    pairs = similarity_pairs(data)
    for name, most in (("tatoeba", None), ("tldr", None), ("tico19", 250)):
        counts: dict[str, int] = {}
        for row in rows(data / f"train/bitext/{name}.tsv.xz"):
            language = row["lang"]
            counts[language] = counts.get(language, 0) + 1
            if most is None or counts[language] <= most:
                pairs.append((language, clean(row["english"]), clean(row["translation"])))
    return [pair for pair in pairs if pair[1] and pair[2]]


def names(data: Path) -> list[tuple[str, str, str]]:
    """(language, English, name): emoji names, and keywords as lists, of all languages but English."""
    table = rows(data / "train/names/cldr.tsv.xz")
    def spelled(row):
        return row["name"], (row["keywords"] or "").replace("|", ", ")
    english = {row["emoji"]: spelled(row) for row in table if row["lang"] == "en"}
    pairs = []
    for row in table:
        if row["lang"] == "en" or row["emoji"] not in english:
            continue
        for there, here in zip(english[row["emoji"]], spelled(row)):
            if there and here:
                pairs.append((row["lang"], clean(there), clean(here)))
    return pairs


def code(data: Path) -> list[tuple[str, str]]:
    """(Python function or command line, the English that describes it)."""
    escapes = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}
    def plain(field: str) -> str:
        return re.sub(r"\\[nt\\]", lambda found: escapes[found.group()], field)
    functions = [(clean(plain(row["code"])), clean(plain(row["docstring"]))) for row in rows(data / "train/code/docstrings.tsv.xz")]
    commands = [(clean(row["example"]), clean(row["description"])) for row in rows(data / "train/code/tldr.tsv.xz")]
    functions = in_hash_order(functions, " ".join)[: int(len(functions) * CODE_SHARE)]
    return [pair for pair in functions + commands if pair[0] and pair[1]]


def words(data: Path) -> list[str]:
    """Every word and term of the dictionary: what sentences are made of, rare ones included."""
    found = dict.fromkeys(clean(word.replace("_", " ")) for row in rows(data / "train/lexical/wordnet.tsv.xz") for word in row["words"].split("|"))
    return in_hash_order(filter(None, found), str)


def passages(data: Path) -> list[str]:
    """Several sentences about one thing: synsets that follow each other in the dictionary are near in meaning, and a command's descriptions make a page."""
    synsets = rows(data / "train/lexical/wordnet.tsv.xz")
    spelled = [
        f"{row['words'].replace('|', ', ').replace('_', ' ')}: {row['gloss']}. {(row['examples'] or '').replace('|', '. ')}".strip()
        for row in synsets
    ]
    found = [" ".join(spelled[at : at + count]) for count in (2, 4) for at in range(0, len(spelled), count)]
    pages: dict[tuple[str, str], list[str]] = {}
    for row in rows(data / "train/code/tldr.tsv.xz"):
        pages.setdefault((row["command"], row["page_summary"]), []).append(row["description"])
    found = in_hash_order(found, str)[:PASSAGES] + [f"{command}: {summary} {'. '.join(told)}" for (command, summary), told in pages.items()]
    return in_hash_order({" ".join(text.split())[:LONGEST_PASSAGE] for text in found}, str)


def code_itself(data: Path) -> list[str]:
    """Functions whose own vector by the teacher is wanted, half of them with their description inside."""
    pairs = [pair for pair in code(data) if pair[0].startswith(("def ", "async ", "class "))]
    found = [text if turn % 2 else f"{told} {text}" for turn, (text, told) in enumerate(pairs)]
    return in_hash_order({text[:LONGEST_PASSAGE] for text in found}, str)[:FUNCTIONS]


def captions(data: Path) -> list[str]:
    """What pictures and sounds are called."""
    found: dict[str, None] = {}
    for path in sorted((data / "train").glob("*/*/manifest.jsonl")):
        with open(path, encoding="utf-8") as file:
            for entry in map(json.loads, file):
                found.update(dict.fromkeys(map(clean, [*entry.get("captions", []), entry.get("class") or ""])))
    return [text for text in found if text]


def stamps(data: Path) -> list[tuple[str, str, str]]:
    """(locale, description of a stamp in its language, in English)"""
    table = rows(data / "train/images/tuxpaint/texts.tsv")
    english = {row["stamp"]: clean(row["text"]) for row in table if row["locale"] == "en"}
    found = [(row["locale"], clean(row["text"]), english.get(row["stamp"], "")) for row in table]
    return [triple for triple in found if all(triple)]


def others(data: Path) -> dict[str, list[str]]:
    """Texts beyond sentences, which the teacher reads themselves."""
    called = dict.fromkeys([*captions(data), *(english for _, _, english in stamps(data))])
    return {"words": words(data), "passages": passages(data), "functions": code_itself(data), "captions": list(called)}

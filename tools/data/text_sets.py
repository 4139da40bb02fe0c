#!/usr/bin/env python3
"""Stage 1 of castor-small: texts of every training language, each beside the teacher's vector of its English.

    tools/data/text_sets.py lines DATA OUT            OUT/english.txt: every English text that a teacher vector is wanted for; OUT/other.txt: words, passages and code
    tools/data/text_sets.py teacher OUT TEACHER       OUT/english-shards, OUT/other-shards: their vectors; goes on where it was stopped
    tools/data/text_sets.py sets DATA OUT             OUT/*.tsv with OUT/*.npy: the data sets of recipes/default/1-text.json

DATA is the training data pack (its README describes the files). `sets` can run before all vectors are there: it then takes
the texts that have one. Deterministic: the same pack gives the same files.
"""
import argparse
import csv
import hashlib
import json
import lzma
import math
import random
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np

csv.field_size_limit(1 << 30)

SHARD = 20_000
"""Texts of one shard of vectors: what is lost when the computation is stopped."""
KINDS = ("other", "english")
"""Files of texts that have vectors of the teacher."""
PASSAGES, FUNCTIONS = 12_000, 8_000
"""How many take part: each costs the teacher as much as ten sentences."""
LONGEST_PASSAGE = 500
"""Characters of a passage: about what the teacher reads of it."""
MIXTURES = {
    # Stage 0 costs little for a text: nearly all that there is. Names are many, short and alike.
    "all": {
        "english": 1.0, "bitext": 1.0, "code": 1.0, "names": 0.3, "words": 1.0, "passages": 1.0, "functions": 1.0, "captions": 1.0, "stamps": 1.0,
    },
    # The same, by what is beside a text: its English, against which InfoNCE sets it, or nothing.
    "beside": {"bitext": 1.0, "everyday": 1.0, "code": 1.0, "names": 0.3, "stamps": 1.0},
    "alone": {"english": 1.0, "words": 1.0, "passages": 1.0, "functions": 1.0, "captions": 1.0},
    "translations": {"bitext": 1.0, "everyday": 1.0},
    # Stage 1 sees a part of it: everyday sentences first, and what pictures and sounds are called. What is longer has batches of its own there.
    "short": {"english": 0.12, "bitext": 0.2, "everyday": 1.0, "names": 0.02, "words": 0.3, "captions": 2.0, "stamps": 0.6},
    # Stage 3: texts beside their English.
    "pairs": {"bitext": 0.6, "everyday": 1.0, "names": 0.04, "stamps": 0.6},
}
"""How often each mixture takes a text of the sets; below 1, a part of them."""
TWO_SIDED = ("beside", "translations", "pairs")
"""Mixtures without texts that are their own English."""
NEIGHBORS = {"passages": None, "functions": 4_000, "english": 30_000, "code": 8_000}
"""Texts that make longer ones: as many of a set, all where nothing is said."""
TOPICS = 9_000
"""How many longer texts."""
LONGEST_TOPIC = 1_800
"""Characters of such a text."""
CODE_SHARE = 0.3
"""Share of the Python functions that the mixed set takes: each costs as much as eight sentences."""
LONGEST = 400
"""Characters of a text. Longer ones cost more than they teach at this stage."""


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


def write_lines(data: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with lzma.open(data / "train/text/english.txt.xz", "rt", encoding="utf-8") as file:
        plain = file.read().splitlines()
    labels = dict.fromkeys(english for _, english, _ in names(data))
    extra = [clean(row[f"sentence{k}"]) for row in rows(data / "train/bitext/paraphrase_en.tsv") for k in (1, 2)]
    # Those that most translations need come first, so that a part of the vectors goes far.
    needed = Counter(english for _, english, _ in bitext(data))
    described = (english for _, english in code(data))
    lines = dict.fromkeys([*labels, *extra, *described, *(english for english, _ in needed.most_common()), *map(clean, plain)])
    (out / "english.txt").write_text("".join(f"{line}\n" for line in lines if line), encoding="utf-8")
    print(f"{len(lines):,} English texts")
    more = dict.fromkeys(text for found in others(data).values() for text in found)
    (out / "other.txt").write_text("".join(f"{line}\n" for line in more), encoding="utf-8")
    print(f"{len(more):,} words, passages and functions")


def teacher_vectors(out: Path, folder: Path, bfloat16: bool, part: int, parts: int) -> None:
    from teacher import Teacher

    teacher = Teacher(folder, bfloat16)
    for name in KINDS:
        if not (out / f"{name}.txt").exists():
            continue
        texts = (out / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        shards = out / f"{name}-shards"
        shards.mkdir(exist_ok=True)
        for start in range(0, len(texts), SHARD):
            path = shards / f"{start:08d}.npy"
            if start // SHARD % parts == part and not path.exists():
                temporary = path.with_suffix(".tmp.npy")
                np.save(temporary, teacher.embed(texts[start : start + SHARD], progress=False))
                temporary.rename(path)
                print(f"{name}: {min(start + SHARD, len(texts)):,} of {len(texts):,} texts", flush=True)


def rotation(out: Path, vectors: np.ndarray) -> np.ndarray:
    """[width, width] orthogonal: principal axes of the vectors, the strongest first.

    Cosines stay as they are, and the first components of a rotated vector say as much as that many can, which is what a
    Matryoshka prefix should. Computed once: later sets follow the same axes.
    """
    path = out / "rotation.npy"
    if not path.exists():
        sample = vectors[:: max(1, len(vectors) // 50_000)].astype(np.float64)
        _, axes = np.linalg.eigh(sample.T @ sample)
        np.save(path, axes[:, ::-1].astype(np.float32))
    return np.load(path)


def load_vectors(out: Path, kind: str = "english") -> tuple[dict[str, int], np.ndarray]:
    texts = (out / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    shards = sorted((out / f"{kind}-shards").glob("[0-9]" * 8 + ".npy"))
    whole = []
    for index, path in enumerate(shards):
        if int(path.stem) != index * SHARD:
            break
        whole.append(np.load(path))
    vectors = np.concatenate(whole)
    vectors = (vectors @ rotation(out, vectors)).astype(np.float16)
    return {text: index for index, text in enumerate(texts[: len(vectors)])}, vectors


def write_set(out: Path, name: str, pairs, place: dict[str, int], vectors: np.ndarray) -> None:
    """NAME.tsv: text, English. NAME.npy: the teacher's vector of the English, a row a line."""
    kept = [(text, english) for text, english in pairs if english in place]
    with open(out / f"{name}.tsv", "w", encoding="utf-8") as file:
        file.write("text\tenglish\n")
        file.writelines(f"{text}\t{english}\n" for text, english in kept)
    np.save(out / f"{name}.npy", vectors[[place[english] for _, english in kept]])
    print(f"{name}: {len(kept):,} of {len(pairs):,}")


def write_mixture(out: Path, mixture: str, chosen: random.Random) -> None:
    """Several sets shuffled into one: batches then have every language in them and pull in one direction."""
    lines, vectors = [], []
    for name, share in MIXTURES[mixture].items():
        with open(out / f"{name}.tsv", encoding="utf-8") as file:
            next(file)
            found = file.readlines()
        kept = [index for turn in range(math.ceil(share)) for index in range(len(found)) if chosen.random() < share - turn]
        if mixture in TWO_SIDED:
            kept = [index for index in kept if len(set(found[index].rstrip("\n").split("\t"))) == 2]
        lines += [found[index] for index in kept]
        vectors.append(np.load(out / f"{name}.npy", mmap_mode="r")[kept])
    order = list(range(len(lines)))
    chosen.shuffle(order)
    with open(out / f"{mixture}.tsv", "w", encoding="utf-8") as file:
        file.write("text\tenglish\n")
        file.writelines(lines[index] for index in order)
    np.save(out / f"{mixture}.npy", np.concatenate(vectors)[order])
    print(f"{mixture}: {len(lines):,}")


def write_topics(out: Path) -> None:
    """long.tsv: texts of 500 to 1,800 characters, each several that are near each other in meaning, with the mean of their vectors: what blocks learn from single
    sentences does not hold for documents. topics.tsv: a text and such a text about the same, without it, with a vector for each side."""
    chosen = random.Random(3)
    texts, vectors = [], []
    for name, most in NEIGHBORS.items():
        with open(out / f"{name}.tsv", encoding="utf-8") as file:
            next(file)
            lines = [line.split("\t")[0] for line in file]
        kept = range(len(lines)) if most is None else sorted(chosen.sample(range(len(lines)), min(most, len(lines))))
        texts += [lines[index] for index in kept]
        vectors.append(np.load(out / f"{name}.npy").astype(np.float32)[list(kept)])
    vectors = np.concatenate(vectors)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths = np.array([len(text) for text in texts], np.float32)

    def joined(indices: list[int]) -> tuple[str, np.ndarray]:
        mean = lengths[indices] @ vectors[indices]
        return " ".join(texts[index] for index in indices)[:LONGEST_TOPIC], mean / np.linalg.norm(mean)

    seeds = chosen.sample(range(len(texts)), min(TOPICS, len(texts)))
    long, topics = [], []
    for start in range(0, len(seeds), 500):
        part = seeds[start : start + 500]
        nearest = np.argpartition(-(vectors[part] @ vectors.T), 24, axis=1)[:, :24]
        for seed, row in zip(part, nearest):
            others = [index for index in row if texts[index] != texts[seed]]
            chosen.shuffle(others)
            ends = np.cumsum(lengths[others])
            others = others[: 1 + int(np.searchsorted(ends, chosen.randint(400, LONGEST_TOPIC - 100)))]
            if others:
                long.append(joined([seed, *others]))
                topics.append((texts[seed], joined(others), vectors[seed]))
    with open(out / "long.tsv", "w", encoding="utf-8") as file:
        file.write("text\tenglish\n")
        file.writelines(f"{text}\t\n" for text, _ in long)
    np.save(out / "long.npy", np.array([vector for _, vector in long], np.float16))
    with open(out / "topics.tsv", "w", encoding="utf-8") as file:
        file.write("text\tdocument\n")
        file.writelines(f"{text}\t{document}\n" for text, (document, _), _ in topics)
    np.save(out / "topics-query.npy", np.array([vector for *_, vector in topics], np.float16))
    np.save(out / "topics-document.npy", np.array([vector for _, (_, vector), _ in topics], np.float16))
    print(f"long, topics: {len(long):,}")


def write_glosses(data: Path, out: Path, glosses: tuple[dict[str, int], np.ndarray], terms: tuple[dict[str, int], np.ndarray]) -> None:
    """glosses.tsv: what a dictionary says of a word, and the word, with a vector for each side: rare words as a query, and what a document says in their place."""
    (place, vectors), (term_place, term_vectors) = glosses, terms
    found = []
    for row in rows(data / "train/lexical/wordnet.tsv.xz"):
        gloss = clean(row["gloss"])
        for word in row["words"].split("|"):
            word = clean(word.replace("_", " "))
            if gloss in place and word in term_place:
                found.append((word, gloss))
    found = in_hash_order(dict.fromkeys(found), " ".join)
    with open(out / "glosses.tsv", "w", encoding="utf-8") as file:
        file.write("word\tgloss\n")
        file.writelines(f"{word}\t{gloss}\n" for word, gloss in found)
    np.save(out / "glosses-word.npy", term_vectors[[term_place[word] for word, _ in found]])
    np.save(out / "glosses-gloss.npy", vectors[[place[gloss] for _, gloss in found]])
    print(f"glosses: {len(found):,}")


def write_sets(data: Path, out: Path) -> None:
    place, vectors = load_vectors(out)
    print(f"{len(place):,} texts have vectors")
    chosen = random.Random(1)
    plain = [(text, text) for text in place]
    chosen.shuffle(plain)
    write_set(out, "english", plain, place, vectors)
    write_set(out, "bitext", [(text, english) for _, english, text in bitext(data)], place, vectors)
    write_set(out, "names", [(text, english) for _, english, text in names(data)], place, vectors)
    write_set(out, "code", code(data), place, vectors)
    # What people write and ask: the similarity set's sentences in 11 languages, and a bank's customers' questions.
    everyday = [(text, english) for _, english, text in similarity_pairs(data)]
    everyday += [(english, english) for english in dict.fromkeys(english for _, english in everyday)]
    asked = dict.fromkeys(clean(row["text"]) for row in rows(data / "train/intent/banking77_train.tsv"))
    write_set(out, "everyday", everyday + [(text, text) for text in asked], place, vectors)
    sentences = place, vectors
    place, vectors = load_vectors(out, "other")
    write_glosses(data, out, sentences, (place, vectors))
    for name, texts in others(data).items():
        write_set(out, name, [(text, text) for text in texts], place, vectors)
    write_set(out, "stamps", [(text, english) for locale, text, english in stamps(data) if locale != "en"], place, vectors)
    for mixture in MIXTURES:
        write_mixture(out, mixture, chosen)
    write_topics(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("lines")
    command.add_argument("data", type=Path)
    command.add_argument("out", type=Path)
    command = commands.add_parser("teacher")
    command.add_argument("out", type=Path)
    command.add_argument("teacher", type=Path)
    command.add_argument("--bfloat16", action="store_true")
    command.add_argument("--part", default="0/1", help="K/N: every N-th shard from the K-th, for N processes side by side")
    command = commands.add_parser("sets")
    command.add_argument("data", type=Path)
    command.add_argument("out", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "lines":
        write_lines(arguments.data, arguments.out)
    elif arguments.command == "teacher":
        teacher_vectors(arguments.out, arguments.teacher, arguments.bfloat16, *map(int, arguments.part.split("/")))
    else:
        write_sets(arguments.data, arguments.out)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""What castor-small learns texts from: every training language, each text beside the teacher's vector of its English.

    tools/data/text_sets.py lines DATA OUT            OUT/english.txt: every English text that a teacher vector is wanted for; OUT/other.txt: words, passages and code
    tools/data/text_sets.py teacher OUT TEACHER       OUT/english-shards, OUT/other-shards: their vectors; goes on where it was stopped
    tools/data/text_sets.py sets DATA OUT             OUT/*.tsv with OUT/*.npy: the data sets of texts of recipes/default

DATA is the training data pack (its README describes the files). `sets` can run before all vectors are there: it then takes
the texts that have one. Deterministic: the same pack gives the same files, but for
the last bit of vectors, which depends on the number of BLAS's threads, and what of `long` and `topics` it decides.
"""
import argparse
import lzma
import math
import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from text_sources import bitext, clean, code, in_hash_order, names, others, rows, similarity_pairs, stamps

SHARD = 20_000
"""Texts of one shard of vectors: what is lost when the computation is stopped."""
KINDS = ("other", "english")
"""Files of texts that have vectors of the teacher."""
MIXTURES = {
    # Stage 0 costs little for a text: nearly all that there is. Names are many, short and alike.
    "all": {
        "english": 1.0, "bitext": 1.0, "code": 1.0, "names": 0.3, "words": 1.0, "passages": 1.0, "functions": 1.0, "captions": 1.0, "stamps": 1.0,
    },
    # The same, by what is beside a text: its English, against which InfoNCE sets it, or nothing.
    "beside": {"bitext": 1.0, "everyday": 1.0, "code": 1.0, "names": 0.3, "stamps": 1.0},
    "alone": {"english": 1.0, "words": 1.0, "passages": 1.0, "functions": 1.0, "captions": 1.0},
    "translations": {"bitext": 1.0, "everyday": 1.0},
    # For blocks of texts, in trials: no recipe reads it any more. It stays because the draws of `pairs` come after its own.
    "short": {"english": 0.12, "bitext": 0.2, "everyday": 1.0, "names": 0.02, "words": 0.3, "captions": 2.0, "stamps": 0.6},
    # Stage 3: texts beside their English.
    "pairs": {"bitext": 0.6, "everyday": 1.0, "names": 0.04, "stamps": 0.6},
}
"""How often each mixture takes a text of the sets; below 1, a part of them."""
TWO_SIDED = ("beside", "translations", "pairs")
"""Mixtures without texts that are their own English."""
NEIGHBORS = {"passages": None, "functions": 4_000, "english": 80_000, "code": 8_000}
"""Texts that make longer ones: as many of a set, all where nothing is said."""
TOPICS = 24_000
"""How many longer texts."""
LONGEST_TOPIC = 1_800
"""Characters of such a text."""
MARGIN = 0.03
"""How much nearer its own longer text must be to a text, as a cosine, than one that is its hard negative."""


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
    sentences does not hold for documents. topics.tsv: a text, such a text about the same without it, and one that is near but of other texts, a hard negative; with
    a vector for each of the first two."""
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
                topics.append((seed, others, *joined(others)))
    queries = vectors[[seed for seed, *_ in topics]]
    documents = np.array([vector for *_, vector in topics])
    near = hard_negatives(queries, documents, [{seed, *others} for seed, others, *_ in topics], chosen)
    with open(out / "long.tsv", "w", encoding="utf-8") as file:
        file.write("text\tenglish\n")
        file.writelines(f"{text}\t\n" for text, _ in long)
    np.save(out / "long.npy", np.array([vector for _, vector in long], np.float16))
    with open(out / "topics.tsv", "w", encoding="utf-8") as file:
        file.write("text\tdocument\tnear\n")
        file.writelines(
            f"{texts[seed]}\t{document}\t{'' if other is None else topics[other][2]}\n" for (seed, _, document, _), other in zip(topics, near)
        )
    np.save(out / "topics-query.npy", queries.astype(np.float16))
    np.save(out / "topics-document.npy", documents.astype(np.float16))
    print(f"long, topics: {len(long):,}")


def hard_negatives(queries: np.ndarray, documents: np.ndarray, members: list[set[int]], chosen: random.Random) -> list[int | None]:
    """For each query one of the 40 documents nearest to it that has no text in common with its own, nor is as near as that; None where there is none."""
    found: list[int | None] = []
    count = min(40, len(documents))
    for start in range(0, len(queries), 500):
        cosines = queries[start : start + 500] @ documents.T
        for place, row in enumerate(np.argpartition(-cosines, count - 1, axis=1)[:, :count], start):
            own = cosines[place - start]
            candidates = [other for other in row if own[other] <= own[place] - MARGIN and not members[other] & members[place]]
            found.append(chosen.choice(candidates) if candidates else None)
    return found


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

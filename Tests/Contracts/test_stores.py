"""Every block of docs/stores.md as it stands, against the real store and the built server.

What the page shows is castor-small's. Results are compared with castor-nano's, whose further values say more than the first 768.
"""

import ast
import contextlib
import functools
import itertools
import json
import re
import subprocess
import sys
import tempfile

import numpy
import pytest

from conftest import HERE, NANO, PROGRAM, ROOT, SMALL, environment, last_line

PAGE = (ROOT / "docs/stores.md").read_text()
BLOCKS = {
    section.partition("\n")[0]: re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    for section in PAGE.split("\n## ")}
COMMON = BLOCKS.pop("Texts to vectors")
PICTURES = BLOCKS.pop("Pictures")
# Store, version and what tests it, as the page's table has them.
ROWS = {store: (tried, by) for store, tried, by in re.findall(r"^\| \[(\w+)\]\(.*?\) \| (.*?) \|.*\| `make ([\w-]+)` \|$", PAGE, re.MULTILINE)}
# How many values each block of a store compares by.
VALUES = dict.fromkeys(["Qdrant", "FAISS", "LangChain", "LlamaIndex", "Chroma", "LanceDB", "PostgreSQL"], [384, 3072])
# Whose blocks come first, because they are built upon.
UPON = {"LangChain": "Qdrant", "LlamaIndex": "FAISS"}

TEXTS = [
    f"{who} {what} {where}" for who, what, where in itertools.product(
        ["The cat", "An old sailor", "My neighbour", "The minister", "A swarm of bees", "The orchestra"],
        ["slept", "was seen", "made much noise", "waited for rain", "lost all the money"],
        ["in the harbour.", "behind the church.", "at the airport.", "on a mountain.", "in the kitchen.", "at the bank.", "in a forest.", "on the train.",
         "during the war.", "near the school."])]
QUERIES = [
    "music", "a pet that rests", "somebody has become poor", "insects", "a politician travels", "ships", "who lives next door?", "too loud",
    "a concert among trees", "the weather", "cooking", "soldiers", "pupils", "flying", "a religious building"]
COUNT = 10
# What is written otherwise when these are asked. Chroma knows a database that is open by its relative path.
OTHERS = {"castor-small": "castor-nano", 'PersistentClient("chroma")': 'PersistentClient("others")'}
# Of a cosine, between stores and the program; rounded ones are shown with two digits.
CLOSE, SHOWN_CLOSE = 2e-5, 0.011


def test_the_page_has_what_is_tested():
    assert len(COMMON) == len(PICTURES) == 1
    sections = {name: len(blocks) for name, blocks in BLOCKS.items() if blocks}
    assert sections == {name: len(values) for name, values in VALUES.items()}
    assert list(ROWS) == list(sections)
    assert {by for _, by in ROWS.values()} == {"test", "contracts-all"}


def test_the_versions_are_those_installed():
    requirements = [line for name in ("requirements.txt", "requirements-all.txt") for line in (HERE / name).read_text().splitlines()]
    for store, (tried, _) in ROWS.items():
        if store != "PostgreSQL":
            assert tried.replace(" ", "==") in requirements, tried
    lines = re.findall(r"^    pip install (.*)$", PAGE, re.MULTILINE)
    assert len(lines) == 1 + len(ROWS)
    for package in " ".join(lines).replace("[binary]", "").split():
        assert package in requirements, package


def test_re_ranking_matters():
    """By the first values alone other texts are found, so that a store that leaves re-ranking out is noticed."""
    few, all_values = cosines(NANO, 768), cosines(NANO, 3072)
    others = [query for query in QUERIES if set(best(few[query])) != set(best(all_values[query]))]
    assert len(others) > len(QUERIES) / 2


def test_sizes_of_castor_small_find_what_the_page_says():
    """Of the ten that all values find; between 384 and 768 there is a part of a sketch, whose cosines are noise (docs/model.md, section 6)."""
    def found(values):
        few, all_values = cosines(SMALL, values), cosines(SMALL, 3072)
        return numpy.mean([len(set(best(few[query])) & set(best(all_values[query]))) / COUNT for query in QUERIES])

    assert "**store 768 values**" in PAGE and "98 of 100" in PAGE and "97" in PAGE and "91 by 512" in PAGE
    assert [round(100 * found(values)) for values in (768, 384, 512)] == pytest.approx([98, 97, 91], abs=2)


def pytest_generate_tests(metafunc):
    if "store" in metafunc.fixturenames:
        chosen = ("test", "contracts-all") if metafunc.config.getoption("--all-clients") else ("test",)
        metafunc.parametrize("store", [store for store, (_, by) in ROWS.items() if by in chosen])


def test_texts_come_as_shown(small_server, server, store):
    shown_run, _ = outcomes(store, small_server.url, server.url)
    for block, outcome in zip([*blocks_before(store), *BLOCKS[store]], shown_run, strict=True):
        shown = ast.literal_eval(re.search(r"^# (.*)\n\Z", block, re.MULTILINE)[1])
        printed = ast.literal_eval(outcome["printed"])
        assert [text for _, text in printed] == [text for _, text in shown], "tools/docs/renew docs/stores.md writes what is printed now"
        assert [score for score, _ in printed] == pytest.approx([score for score, _ in shown], abs=SHOWN_CLOSE)


def test_pictures_come_as_shown(small_server, tmp_path):
    subprocess.run(["/usr/bin/python3", ROOT / "tools/demo/pictures.py", tmp_path], check=True)
    shown = [ast.literal_eval(line) for line in re.findall(r"^# (.*)$", PICTURES[0], re.MULTILINE)]
    printed = [ast.literal_eval(line) for line in pictures_outcome(small_server.url, tmp_path)["printed"].splitlines()]
    assert printed == shown, "tools/docs/renew docs/stores.md writes what is printed now"


def pictures_outcome(url, media):
    (block,) = PICTURES
    asked_for = asked("Qdrant", {}, {"http://127.0.0.1:8080": url})
    # Into the first of the collections, beside the texts.
    asked_for["blocks"] = [BLOCKS["Qdrant"][0], block.replace("build/demo", str(media))]
    run = subprocess.run(
        [sys.executable, HERE / "clients/blocks.py"], input=json.dumps([asked_for]), env=environment(), capture_output=True, text=True)
    ((_, outcome),) = last_line(run, "pictures")
    return outcome


def test_search_finds_what_comparing_everything_finds(small_server, server, store):
    _, searches = outcomes(store, small_server.url, server.url)
    for values, outcome in zip(VALUES[store], searches[len(blocks_before(store)):], strict=True):
        for query, found in zip(QUERIES, outcome["found"], strict=True):
            wanted = cosines(NANO, values)[query]
            got = [wanted[text] for _, text in found]
            assert len({text for _, text in found}) == COUNT
            assert got == pytest.approx([wanted[text] for text in best(wanted)], abs=CLOSE), (values, query)
            assert [score for score, _ in found] == pytest.approx(got, abs=SHOWN_CLOSE)


def blocks_before(store):
    return BLOCKS[UPON[store]] if store in UPON else []


@functools.cache
def outcomes(store, small_url, nano_url):
    """Of the store's blocks and those before them, in a process of its own: as they stand, and with other texts and another model."""
    with database(store) as first, database(store) as second:
        runs = [
            asked(store, first, {"http://127.0.0.1:8080": small_url}),
            asked(store, second, OTHERS | {"http://127.0.0.1:8080": nano_url}, TEXTS, QUERIES)]
        run = subprocess.run(
            [sys.executable, HERE / "clients/blocks.py"], input=json.dumps(runs), env=environment(), capture_output=True, text=True)
    return last_line(run, store)


def asked(store, own, others, texts=None, queries=()):
    def here(block):
        return functools.reduce(lambda text, name: text.replace(name, others[name]), others, block)
    return {
        "first": here(COMMON[0]), "blocks": [here(block) for block in [*blocks_before(store), *BLOCKS[store]]], "texts": texts,
        "queries": queries, "count": COUNT, "environment": own}


def database(store):
    """What PostgreSQL's client must be told; nothing where the store runs in the client."""
    if store != "PostgreSQL":
        return contextlib.nullcontext({})
    import cluster
    assert ROWS[store][0] == f"pgvector {cluster.pgvector_version()}"
    return cluster.database("texts")


@functools.cache
def vectors(model):
    """The program's own, of the queries and the texts."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        subprocess.run([PROGRAM, "embed", "--model", model, "--each", "--format", "npy", *QUERIES, *TEXTS], stdout=file, check=True)
        return numpy.load(file.name).astype(float)


@functools.cache
def cosines(model, values):
    """Of every query with every text, by the first values: {query: {text: cosine}}."""
    few = vectors(model)[:, :values]
    few = few / numpy.linalg.norm(few, axis=1, keepdims=True)
    rows = few[:len(QUERIES)] @ few[len(QUERIES):].T
    return {query: dict(zip(TEXTS, row.tolist(), strict=True)) for query, row in zip(QUERIES, rows, strict=True)}


def best(cosines):
    return sorted(cosines, key=cosines.get, reverse=True)[:COUNT]

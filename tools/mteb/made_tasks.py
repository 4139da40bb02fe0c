"""Three small tasks of mteb's own kinds, made on the spot, and the same data as files for `castor evaluate`.

A text is who, what and where, each in two sets of words. Queries, second sentences and what is to be classified have the other set, so that no word says
the answer.
"""

import json
import random

from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTaskClassification, AbsTaskRetrieval, AbsTaskSTS
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData
from mteb.abstasks.task_metadata import TaskMetadata

WHO = [
    ("The doctor", "A physician"), ("The lawyer", "An attorney"), ("The child", "A kid"), ("The policeman", "An officer"),
    ("The teacher", "An instructor"), ("The sailor", "A seaman"), ("The cook", "A chef"), ("The thief", "A robber")]
WHAT = [
    ("buys a car", "purchases an automobile"), ("repairs a bicycle", "fixes a bike"), ("reads a newspaper", "studies a journal"),
    ("cooks soup", "makes a stew"), ("sings a song", "performs a tune"), ("paints a picture", "draws a portrait")]
WHERE = [
    ("in the forest", "among the trees"), ("by the sea", "on the coast"), ("in the city", "downtown"), ("at home", "in the house"),
    ("at night", "after dark")]
ALL = [(who, what, where) for who in range(len(WHO)) for what in range(len(WHAT)) for where in range(len(WHERE))]
# What mteb trains its classifier with, of each class.
TRAINED = 8


def text(place, words):
    return " ".join(part[index][words] for part, index in zip((WHO, WHAT, WHERE), place)) + "."


def metadata(name, type, score):
    return TaskMetadata(
        name=name, type=type, main_score=score, description="Made on the spot.", reference=None, dataset={"path": "made", "revision": "1"},
        category="t2t", eval_splits=["test"], eval_langs=["eng-Latn"], date=("2026-01-01", "2026-01-01"), dialect=[], domains=["Constructed"],
        task_subtypes=[], license="apache-2.0", annotations_creators="derived", modalities=["text"], sample_creation="created", bibtex_citation="")


# MARK: Data

def documents():
    # A title on every other one.
    return [
        {"_id": f"d{number}", "title": WHO[place[0]][0].removeprefix("The ").capitalize() if number % 2 else "", "text": text(place, 0)}
        for number, place in enumerate(ALL)]


def queries():
    return [{"_id": f"q{number}", "text": text(place, 1)} for number, place in enumerate(ALL) if number % 7 == 0]


def grades():
    """The same everywhere: 2; but for one part: 1."""
    return {
        f"q{number}": {
            f"d{other}": same - 1 for other, found in enumerate(ALL) if (same := sum(a == b for a, b in zip(place, found))) >= 2}
        for number, place in enumerate(ALL) if number % 7 == 0}


def pairs():
    chosen = random.Random(1)
    for _ in range(200):
        first = chosen.choice(ALL)
        second = [index if chosen.random() < 0.5 else chosen.randrange(len(part)) for index, part in zip(first, (WHO, WHAT, WHERE))]
        yield text(first, 0), text(second, 1), sum(a == b for a, b in zip(first, second)) * 5 / 3


def labelled():
    """Lists of text and label: trained with, and tested."""
    chosen = random.Random(1)
    train, test = [], []
    for label, what in enumerate(WHAT):
        places = [place for place in ALL if place[1] == label]
        chosen.shuffle(places)
        train += [(text(place, 0), what[0]) for place in places[:TRAINED]]
        test += [(text(place, 1), what[0]) for place in places[TRAINED:]]
    return train, test


# MARK: Tasks of mteb

class MadeRetrieval(AbsTaskRetrieval):
    metadata = metadata("MadeRetrieval", "Retrieval", "ndcg_at_10")

    def load_data(self, **_):
        split = RetrievalSplitData(
            corpus=Dataset.from_list([{"id": one["_id"], "title": one["title"], "text": one["text"]} for one in documents()]),
            queries=Dataset.from_list([{"id": one["_id"], "text": one["text"]} for one in queries()]), relevant_docs=grades(), top_ranked=None)
        self.dataset = {"default": {"test": split}}
        self.data_loaded = True


class MadeSTS(AbsTaskSTS):
    metadata = metadata("MadeSTS", "STS", "cosine_spearman")

    def load_data(self, **_):
        self.dataset = DatasetDict(test=Dataset.from_list([
            {"sentence1": first, "sentence2": second, "score": score} for first, second, score in pairs()]))
        self.data_loaded = True


class MadeClassification(AbsTaskClassification):
    metadata = metadata("MadeClassification", "Classification", "accuracy")
    samples_per_label = TRAINED
    # There are no others to draw: each experiment would be the same.
    n_experiments = 1

    def load_data(self, **_):
        self.dataset = DatasetDict({
            name: Dataset.from_list([{"text": text, "label": label} for text, label in part])
            for name, part in zip(("train", "test"), labelled())})
        self.data_loaded = True


TASKS = (MadeRetrieval, MadeSTS, MadeClassification)


# MARK: The same for castor

def write(folder):
    """Data and task files; the tasks have the names that mteb's have."""
    def lines(name, rows):
        (folder / name).write_text("".join(rows))

    def table(name, header, rows):
        lines(name, ["\t".join(map(str, row)) + "\n" for row in (header, *rows)])

    lines("corpus.jsonl", [json.dumps(one) + "\n" for one in documents()])
    lines("queries.jsonl", [json.dumps(one) + "\n" for one in queries()])
    table("qrels.tsv", ("query-id", "corpus-id", "score"), [
        (query, document, grade) for query, found in grades().items() for document, grade in found.items()])
    table("pairs.tsv", ("first", "second", "score"), pairs())
    for name, part in zip(("train", "test"), labelled()):
        table(f"{name}.tsv", ("text", "label"), part)
    tasks = folder / "tasks"
    tasks.mkdir()
    for name, task in {
        "MadeRetrieval": {"kind": "retrieval", "corpus": "corpus.jsonl", "queries": "queries.jsonl", "qrels": "qrels.tsv"},
        "MadeSTS": {"kind": "sts", "file": "pairs.tsv", "first": "first", "second": "second", "score": "score"},
        "MadeClassification": {"kind": "classification", "train": "train.tsv", "test": "test.tsv", "content": "text", "label": "label"},
    }.items():
        (tasks / f"{name}.json").write_text(json.dumps(task))
    return tasks

"""Holds `castor evaluate` against pytrec_eval, scipy and scikit-learn on the vectors of `castor embed`.

    VENV/bin/python tools/evaluation/check.py --data PATH [--castor .build/release/castor] [--model DIR]

PATH is the folder which has eval/. Prints both numbers of every metric; exit status 1 if any pair differs by
more than BOUND, which allows for one prediction in a thousand on the other side of a tie or a decision.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytrec_eval
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier

SIZE = 256
BOUND = 1e-3
TASKS = Path(__file__).resolve().parent / "tasks"


def rows(path):
    return [line.split("\t") for line in path.read_text().split("\n")[1:] if line]


def objects(path):
    return [json.loads(line) for line in path.read_text().split("\n") if line]


class Castor:
    def __init__(self, program, model, data):
        self.command, self.data = [program], data
        self.model = ["--model", model] if model else []

    def embed(self, texts):
        """One vector a text, None where there is none."""
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            for text in texts:
                request = {"content": {"parts": [{"text": text}]}, "outputDimensionality": SIZE}
                file.write(json.dumps({"request": request}) + "\n")
            file.flush()
            output = subprocess.run(
                [*self.command, "embed", "--batch", file.name, *self.model], capture_output=True, check=True
            ).stdout.decode()
        lines = [json.loads(line) for line in output.split("\n") if line]
        return [line["response"]["embedding"]["values"] if "response" in line else None for line in lines]

    def evaluate(self, task):
        with tempfile.TemporaryDirectory() as folder:
            result = f"{folder}/result.json"
            arguments = ["--tasks", str(TASKS / f"{task}.json"), "--data", str(self.data), "--json", result]
            subprocess.run(
                [*self.command, "evaluate", "--dimensions", str(SIZE), *arguments, *self.model],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            metrics = json.loads(Path(result).read_text())["tasks"][0]["metrics"]
        return {metric["name"]: metric["values"][str(SIZE)] for metric in metrics}


def sts(castor, data):
    table = rows(data / "eval/sts/stsb_dev_en.tsv")
    first, second = (np.array(castor.embed([row[i] for row in table])) for i in (0, 1))
    cosines, scores = (first * second).sum(axis=1), [float(row[2]) for row in table]
    return {"Spearman": spearmanr(cosines, scores).statistic, "Pearson": pearsonr(cosines, scores).statistic}


def retrieval(castor, data):
    folder = data / "eval/retrieval/cranfield"
    corpus, queries = objects(folder / "corpus.jsonl"), objects(folder / "queries.jsonl")
    documents = castor.embed([f"{d['title']} {d['text']}" if d["title"] else d["text"] for d in corpus])
    kept = [(d["_id"], vector) for d, vector in zip(corpus, documents, strict=True) if vector]
    scores = np.array(castor.embed([q["text"] for q in queries])) @ np.array([vector for _, vector in kept]).T
    run = {
        q["_id"]: {identifier: float(s) for (identifier, _), s in zip(kept, line, strict=True)}
        for q, line in zip(queries, scores, strict=True)
    }
    qrels = {}
    for query, document, grade in rows(folder / "qrels/test.tsv"):
        qrels.setdefault(query, {})[document] = int(grade)
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.10,100", "recip_rank", "map"})
    results = evaluator.evaluate(run).values()
    names = {"ndcg_cut_10": "nDCG@10", "recall_10": "recall@10", "recall_100": "recall@100"}
    names |= {"recip_rank": "MRR", "map": "MAP"}
    return {names[key]: np.mean([result[key] for result in results]) for key in names}


def classification(castor, data):
    train, test = (rows(data / f"eval/classification/banking77_{part}.tsv") for part in ("train", "test"))
    x, y = np.array(castor.embed([row[0] for row in train])), [row[1] for row in train]
    items, truth = np.array(castor.embed([row[0] for row in test])), np.array([row[1] for row in test])
    predicted = LogisticRegression(max_iter=10_000, tol=1e-6).fit(x, y).predict(items)
    voted = KNeighborsClassifier(5, metric="cosine", algorithm="brute").fit(x, y).predict(items)
    return {
        "accuracy": np.mean(predicted == truth),
        "macro F1": f1_score(truth, predicted, average="macro"),
        "kNN accuracy": np.mean(voted == truth),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--castor", default=".build/release/castor")
    parser.add_argument("--model")
    arguments = parser.parse_args()
    castor = Castor(arguments.castor, arguments.model, arguments.data)
    worst = 0
    checks = {"sts-en": sts, "retrieval-cranfield": retrieval, "classification-banking77": classification}
    for task, check in checks.items():
        actual = castor.evaluate(task)
        for name, expected in check(castor, arguments.data).items():
            difference = abs(actual[name] - expected)
            worst = max(worst, difference)
            print(
                f"{task:26} {name:14} castor {actual[name]:.6f}  reference {expected:.6f}  {difference:.1e}"
            )
    raise SystemExit(worst > BOUND)


if __name__ == "__main__":
    main()

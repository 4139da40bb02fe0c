"""Writes Tests/EvaluationTests/Fixtures/golden.json: metrics by pytrec_eval, scipy and scikit-learn.

    python -m venv VENV && VENV/bin/pip install --no-deps -r tools/evaluation/requirements.txt
    VENV/bin/python tools/evaluation/make_golden.py [--check]

Seeded data: small integers, or four decimals, so that JSON carries them exactly. Vectors of small integers
have exact dot products and many ties.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import pytrec_eval
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    completeness_score,
    f1_score,
    homogeneity_score,
    v_measure_score,
)
from sklearn.neighbors import KNeighborsClassifier

TARGET = Path(__file__).resolve().parents[2] / "Tests/EvaluationTests/Fixtures/golden.json"
MEASURES = {"ndcg_cut.10", "recall.10,100", "recip_rank", "map", "success.1,5,10"}


def unit(x):
    """Rows of unit length, to four decimals."""
    return np.round(x / np.linalg.norm(x, axis=1, keepdims=True), 4)


def mixture(rng, n, d, k, spread, shared=0.0):
    """Unit vectors around k centres; `shared` pulls all of them to one direction, as before training."""
    labels = rng.integers(k, size=n)
    centers = rng.normal(size=(k, d))
    return unit(centers[labels] + spread * rng.normal(size=(n, d)) + shared * rng.normal(size=d)), labels


def retrieval_case(name, queries, documents, qrels):
    ids = [f"d{(i * 7919) % 1000}" for i in range(len(documents))]
    scores = (queries @ documents.T).astype(np.float32)
    run = {f"q{q}": {ids[d]: float(scores[q, d]) for d in range(len(documents))} for q in range(len(queries))}
    judged = {
        f"q{q}": {(ids[d] if d >= 0 else "absent"): g for d, g in row.items()} for q, row in qrels.items()
    }
    results = pytrec_eval.RelevanceEvaluator(judged, MEASURES).evaluate(run)
    # trec_eval's order: by score, then by id, both descending; MRR@10 is recip_rank of the ten first.
    top = {
        q: dict(sorted(row.items(), key=lambda item: (item[1], item[0]), reverse=True)[:10])
        for q, row in run.items()
    }
    first = pytrec_eval.RelevanceEvaluator(judged, {"recip_rank"}).evaluate(top)
    expected = {}
    for q in judged:
        # Nothing can be said about a query of which nothing is relevant; trec_eval says 0.
        if max(judged[q].values(), default=0) < 1:
            continue
        r = results[q]
        expected[q] = [
            r["ndcg_cut_10"],
            r["recall_10"],
            r["recall_100"],
            first[q]["recip_rank"],
            r["recip_rank"],
            r["map"],
            r["success_1"],
            r["success_5"],
            r["success_10"],
        ]
    return {
        "name": name,
        "queries": queries.tolist(),
        "documents": documents.tolist(),
        "ids": ids,
        "qrels": judged,
        "expected": expected,
    }


def retrieval(rng):
    cases = []
    queries, documents = rng.integers(-2, 3, size=(12, 6)), rng.integers(-2, 3, size=(150, 6))
    qrels = {
        q: {int(d): int(rng.integers(-1, 4)) for d in rng.choice(150, 9, replace=False)} for q in range(12)
    }
    qrels[3][-1] = 2  # judged relevant, but not among the documents
    cases.append(retrieval_case("integers with ties, graded", queries, documents, qrels))
    documents, labels = mixture(rng, 120, 12, 30, 0.3)
    queries = unit(documents[:15] + 0.2 * rng.normal(size=(15, 12)))
    qrels = {q: {int(d): 1 for d in np.flatnonzero(labels == labels[q])} for q in range(15)}
    cases.append(retrieval_case("clusters, binary", queries, documents, qrels))
    documents = np.repeat(rng.integers(-2, 3, size=(8, 4)), 5, axis=0)
    qrels = {q: {int(d): 1 for d in rng.choice(40, 3, replace=False)} for q in range(8)}
    cases.append(retrieval_case("duplicate documents", documents[::5], documents, qrels))
    return cases


def judgments(rng):
    """Random judgments: graded, 0 and -1 (below it, pytrec_eval writes beside its memory), of documents that are not there;
    queries with few or none; ties and duplicates."""
    cases = []
    for number in range(30):
        m, d = int(rng.integers(1, 45)), int(rng.integers(1, 4))
        documents = rng.integers(-2, 3, size=(m, d))
        if number % 3 == 0:
            documents = documents[rng.integers(m, size=m)]
        queries = rng.integers(-2, 3, size=(6, d))
        qrels = {}
        for q in range(6):
            count = int(rng.integers(0, min(m, 14) + 1))
            judged = rng.choice(m, count, replace=False)
            low, high = [(1, 2), (-1, 5), (-1, 1), (0, 2), (1, 100), (-1, 4)][q]
            qrels[q] = {int(x): int(rng.integers(low, high)) for x in judged}
            if number % 5 == q:
                qrels[q][-1] = int(rng.integers(-1, 4))
        cases.append(retrieval_case(f"judgments {number}", queries, documents, qrels))
    return cases


def correlation(rng):
    x = np.round(rng.normal(size=60), 4)
    tied = rng.integers(0, 6, size=60).astype(float)
    pairs = [
        (x, np.round(x + rng.normal(size=60), 4)),
        (x, tied),
        (tied, np.roll(tied, 1)),
        (tied, tied * tied),
        (x, -x),
    ]
    return [
        {
            "x": a.tolist(),
            "y": b.tolist(),
            "pearson": float(stats.pearsonr(a, b).statistic),
            "spearman": float(stats.spearmanr(a, b).statistic),
        }
        for a, b in pairs
    ]


def logistic(rng):
    cases = []
    for name, n, d, k, spread, shared, c in [
        ("clusters", 90, 8, 4, 0.7, 0.0, 1.0),
        ("two classes, weak penalty", 60, 6, 2, 1.0, 0.0, 100.0),
        ("shared direction", 90, 8, 5, 0.5, 20.0, 10.0),
        ("strong penalty", 60, 6, 3, 0.7, 1.0, 0.01),
    ]:
        x, y = mixture(rng, n + 30, d, k, spread, shared)
        train, test = (x[:n], y[:n]), (x[n:], y[n:])
        model = LogisticRegression(C=c, tol=1e-10, max_iter=100_000).fit(*train)
        weights, intercepts = model.coef_, model.intercept_
        if k == 2:
            # Here scikit-learn fits one vector u, the difference of the two: (-u/2, u/2) says the same.
            weights, intercepts = (
                np.stack([-weights[0], weights[0]]) / 2,
                np.array([-intercepts[0], intercepts[0]]) / 2,
            )
        logits = test[0] @ weights.T + intercepts
        cases.append(
            {
                "name": name,
                "c": c,
                "classes": k,
                "train": train[0].tolist(),
                "labels": train[1].tolist(),
                "test": test[0].tolist(),
                "weights": weights.tolist(),
                # Only differences of intercepts matter.
                "intercepts": (intercepts - intercepts.mean()).tolist(),
                "predicted": np.argmax(logits, axis=1).tolist(),
            }
        )
    return cases


def neighbors(rng):
    x, y = mixture(rng, 150, 8, 6, 1.2)
    model = KNeighborsClassifier(5, metric="cosine", algorithm="brute").fit(x[:100], y[:100])
    predicted = model.predict(x[100:])
    return {
        "train": x[:100].tolist(),
        "labels": y[:100].tolist(),
        "test": x[100:].tolist(),
        "predicted": predicted.tolist(),
    }


def classification(rng):
    cases = []
    for k, n in [(2, 40), (6, 80), (20, 30)]:
        actual, predicted = rng.integers(k, size=n), rng.integers(k, size=n)
        predicted[::2] = actual[::2]
        cases.append(
            {
                "actual": actual.tolist(),
                "predicted": predicted.tolist(),
                "accuracy": accuracy_score(actual, predicted),
                "macroF1": f1_score(actual, predicted, average="macro", zero_division=0),
            }
        )
    return cases


def bitext(rng):
    cases = []
    for n in (5, 60):
        predicted = rng.integers(n, size=n)
        predicted[::2] = np.arange(n)[::2]
        # As MTEB's BitextMining computes it.
        cases.append(
            {
                "predicted": predicted.tolist(),
                "accuracy": accuracy_score(np.arange(n), predicted),
                "f1": f1_score(np.arange(n), predicted, average="weighted", zero_division=0),
            }
        )
    return cases


def partitions(rng):
    cases = []
    for k, c in [(4, 4), (7, 3), (1, 4), (5, 1)]:
        classes, clusters = rng.integers(c, size=70), rng.integers(k, size=70)
        clusters[::2] = classes[::2] % k
        cases.append(
            {
                "classes": classes.tolist(),
                "clusters": clusters.tolist(),
                "homogeneity": homogeneity_score(classes, clusters),
                "completeness": completeness_score(classes, clusters),
                "vMeasure": v_measure_score(classes, clusters),
            }
        )
    return cases


def lloyd(rng):
    x, _ = mixture(rng, 120, 6, 5, 0.8)
    start = x[:5]
    model = KMeans(5, init=start, n_init=1, tol=0, algorithm="lloyd", max_iter=100).fit(x)
    return {
        "vectors": x.tolist(),
        "start": start.tolist(),
        "assignments": model.labels_.tolist(),
        "inertia": float(model.inertia_),
        "centers": model.cluster_centers_.tolist(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    rng = np.random.default_rng(20_260)
    golden = {
        "retrieval": retrieval(rng),
        "correlation": correlation(rng),
        "logistic": logistic(rng),
        "neighbors": neighbors(rng),
        "classification": classification(rng),
        "bitext": bitext(rng),
        "partitions": partitions(rng),
        "lloyd": lloyd(rng),
        # With numbers of their own: what is above stays as it is.
        "judgments": judgments(np.random.default_rng(20_261)),
    }
    text = (
        "{\n"
        + ",\n".join(f'"{k}": {json.dumps(v, separators=(",", ":"))}' for k, v in golden.items())
        + "\n}\n"
    )
    if arguments.check:
        same = TARGET.read_text() == text
        print("equal" if same else f"{TARGET} differs")
        raise SystemExit(0 if same else 1)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text)


if __name__ == "__main__":
    main()

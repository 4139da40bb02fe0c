"""Writes Tests/ComparisonTests/Fixtures/golden.json: metrics of comparisons by numpy, scipy and scikit-learn.

    python -m venv VENV && VENV/bin/pip install --no-deps -r tools/evaluation/requirements.txt
    VENV/bin/python tools/comparison/make_golden.py [--check]

Seeded vectors of four decimals, so that JSON carries them exactly.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.linalg import orthogonal_procrustes
from scipy.stats import pearsonr, permutation_test, spearmanr
from sklearn.linear_model import Ridge

TARGET = Path(__file__).resolve().parents[2] / "Tests/ComparisonTests/Fixtures/golden.json"
DEPTH, CUTOFFS, PERSISTENCE = 10, (1, 5, 10), 0.9
PENALTY = 0.01


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def overlap_of_rankings(a, b, p=PERSISTENCE):
    """Rank-biased overlap, extrapolated, from its definition: one set intersection a depth."""
    agreement = [len(set(a[:depth]) & set(b[:depth])) / depth for depth in range(1, len(a) + 1)]
    head = sum(share * p ** (depth + 1) for depth, share in enumerate(agreement)) * (1 - p) / p
    return head + agreement[-1] * p ** len(a)


def neighbors(similarities, is_same):
    s = similarities.copy()
    if is_same:
        np.fill_diagonal(s, -np.inf)
    order = np.argsort(-s, axis=1, kind="stable")
    return order[:, : min(DEPTH, s.shape[1] - (1 if is_same else 0))]


def alignment(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


def case(name, reference, candidate, queries=None):
    """`queries`: the first so many rows look among the rest; all among all without it."""
    a, b = unit(reference), unit(candidate)
    is_same = queries is None
    if is_same:
        s, t = a @ a.T, b @ b.T
        upper = np.triu_indices(len(a), 1)
        u, v = s[upper], t[upper]
    else:
        s, t = a[:queries] @ a[queries:].T, b[:queries] @ b[queries:].T
        u, v = s.ravel(), t.ravel()
    first, second = neighbors(s, is_same), neighbors(t, is_same)
    ridge = Ridge(alpha=PENALTY * np.trace((b - b.mean(0)).T @ (b - b.mean(0))) / b.shape[1]).fit(b, a)
    result = {
        "name": name, "reference": reference.tolist(), "candidate": candidate.tolist(), "queries": queries,
        "spearman": spearmanr(u, v).statistic, "pearson": pearsonr(u, v).statistic,
        "overlap": [
            float(np.mean([len(set(x[:k]) & set(y[:k])) / min(k, len(x)) for x, y in zip(first, second, strict=True)]))
            for k in CUTOFFS
        ],
        "first_found": [float(np.mean([x[0] in y[:k] for x, y in zip(first, second, strict=True)])) for k in CUTOFFS],
        "rank_biased_overlap": float(np.mean([overlap_of_rankings(list(x), list(y)) for x, y in zip(first, second, strict=True)])),
        "alignment": alignment(a, b),
        "ridge": {"weights": ridge.coef_.T.tolist(), "offset": ridge.intercept_.tolist(), "penalty": PENALTY},
    }  # fmt: skip
    # With fewer items than values there are many best rotations.
    if a.shape == b.shape and len(a) > a.shape[1]:
        result["procrustes"] = orthogonal_procrustes(b, a)[0].tolist()
    return result


def comparisons():
    rng = np.random.default_rng(7)
    centers = rng.normal(size=(6, 12))
    labels = rng.integers(6, size=60)
    structured = centers[labels] + 0.6 * rng.normal(size=(60, 12))
    yield "random", rng.normal(size=(50, 9)), rng.normal(size=(50, 9)), None
    yield "structured", structured, structured + 0.8 * rng.normal(size=(60, 12)), None
    yield "other size", structured, np.tanh(structured @ rng.normal(size=(12, 7))), None
    yield "few", structured[:7], structured[:7] + 0.5 * rng.normal(size=(7, 12)), None
    yield "two kinds", structured, structured @ rng.normal(size=(12, 12)), 25


def tests():
    rng = np.random.default_rng(8)
    for shift in (0.0, 0.12, 0.5):
        differences = np.round(rng.normal(shift, 0.3, size=11), 4)
        p = permutation_test((differences,), lambda x: np.sum(x), permutation_type="samples", n_resamples=np.inf).pvalue
        yield {"differences": differences.tolist(), "probability": float(p)}


def quantiles():
    rng = np.random.default_rng(9)
    x, y = np.round(rng.normal(size=201), 4), np.round(rng.normal(size=201) * 0.2 + 0.5, 4)
    shares = np.linspace(0, 1, 101)
    a, b = np.quantile(x, shares), np.quantile(y, shares)
    scores = [-9.0, *np.round(rng.normal(size=20), 4).tolist(), 9.0]
    return {
        "from": x.tolist(), "to": y.tolist(), "quantiles_from": a.tolist(), "quantiles_to": b.tolist(), "scores": scores,
        "mapped": np.interp(scores, a, b).tolist(),
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the file and write nothing")
    check = parser.parse_args().check
    golden = {
        "comparisons": [
            case(name, np.round(a, 4), np.round(b, 4), queries) for name, a, b, queries in comparisons()
        ],
        "tests": list(tests()),
        "quantiles": quantiles(),
    }
    text = json.dumps(json.loads(json.dumps(golden), parse_float=lambda x: round(float(x), 10))) + "\n"
    if check:
        raise SystemExit(0 if TARGET.read_text() == text else "golden.json differs")
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text)


if __name__ == "__main__":
    main()

"""Holds `castor compare` against numpy, scipy and scikit-learn on two files of vectors.

    VENV/bin/python tools/comparison/check.py REFERENCE.jsonl CANDIDATE.jsonl [--castor .build/release/castor]

Prints both numbers of every metric; exit status 1 if any pair differs by more than BOUND. Holds all similarities at once: for
some thousands of rows.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.stats import pearsonr, spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parent))
from make_golden import CUTOFFS, alignment, neighbors, overlap_of_rankings, unit  # noqa: E402

BOUND = 1e-4


def vectors(path):
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return {
        line.get("key", str(number)): line["response"]["embedding"]["values"]
        for number, line in enumerate(lines, 1)
        if "response" in line
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("candidate", type=Path)
    parser.add_argument("--castor", default=".build/release/castor")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        files = [str(arguments.reference), str(arguments.candidate)]
        command = [arguments.castor, "compare", *files, "--skip-maps", "--json", str(result)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        measured = json.loads(result.read_text())
    a, b = vectors(arguments.reference), vectors(arguments.candidate)
    keys = [key for key in a if key in b]
    reference, candidate = (np.array([side[key] for key in keys], dtype=np.float64) for side in (a, b))
    worst = 0.0
    for place, size in enumerate(measured["groups"][0]["sizes"]):
        # The first stands for all values of both.
        x, y = (unit(m if place == 0 else m[:, : size["size"]]) for m in (reference, candidate))
        s, t = x @ x.T, y @ y.T
        upper = np.triu_indices(len(keys), 1)
        first, second = neighbors(s, True), neighbors(t, True)
        pairs = list(zip(first.tolist(), second.tolist(), strict=True))
        expected = {
            "spearman": (size["spearman"]["value"], spearmanr(s[upper], t[upper]).statistic),
            "pearson": (size["pearson"]["value"], pearsonr(s[upper], t[upper]).statistic),
            "cka": (size["cka"]["value"], alignment(x, y)),
            "rbo": (size["rankBiasedOverlap"]["value"], np.mean([overlap_of_rankings(p, q) for p, q in pairs])),
        }
        for k, estimate in zip(CUTOFFS, size["overlap"], strict=True):
            shares = [len(set(p[:k]) & set(q[:k])) / k for p, q in pairs]
            expected[f"overlap@{k}"] = (estimate["value"], np.mean(shares))
        for name, (ours, theirs) in expected.items():
            worst = max(worst, abs(ours - theirs))
            print(f"{size['size']:5} {name:12} {ours:.6f} {theirs:.6f} {'' if abs(ours - theirs) <= BOUND else 'DIFFERS'}")
    raise SystemExit(0 if worst <= BOUND else 1)


if __name__ == "__main__":
    main()

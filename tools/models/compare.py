#!/usr/bin/env python3
"""Holds `castor` to sentence-transformers on a real checkpoint: the same folder, the same texts, single precision.

    python3 -m venv build/models/venv && build/models/venv/bin/pip install -r tools/models/requirements.txt
    build/models/venv/bin/python tools/models/fetch.py all-MiniLM-L6-v2 build/models/all-MiniLM-L6-v2
    build/models/venv/bin/python tools/models/compare.py --pairs stsb_dev_en.tsv build/models/all-MiniLM-L6-v2

--pairs is a table with tabs and a header line, sentence1, sentence2, score, as STS benchmark's: Spearman's correlation of both programs' cosines with the scores is
printed, and the first --count different sentences are compared value by value. --texts adds lines of a file to these. --prefix is put before each text, as "query: "
for E5. For each folder a line of JSON is printed:

    difference      largest difference of a component, as a share of the vector's largest: castor and sentence-transformers in single precision
    double          the same, of castor, and then of sentence-transformers itself, from sentence-transformers in double precision (--double)
    refused         texts that castor has no vector for, because nothing in them makes a token; left out
    tokens_differ   texts for which the two have another number of tokens
    spearman        castor's and sentence-transformers'
    bfloat16        least cosine, of the sentences and of the odd texts, of the vectors of `castor import --precision bfloat16` to those of the weights as they came; of --precisions, others
    import          seconds and MiB at most of `castor import`
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

try:
    import numpy as np
    from scipy.stats import spearmanr
    from sentence_transformers import SentenceTransformer
except ModuleNotFoundError as error:
    # --help is for those who have nothing installed yet.
    missing: str | None = error.name
else:
    missing = None

ROOT = Path(__file__).resolve().parents[2]


ODD = [
    "Größe: 寝ている子猫 😀 👩‍👩‍👧‍👦\u200b é e\u0301 ﬁ Å Ⅷ ½", "  two  spaces\tand a tab ", "don't stop—it's 3.14159e-10, $5; foo_bar(baz) == {\"a\": [1]}",
    "كيف حالك؟ Привет мир Γειά σου คุณสบายดีไหม 안녕하세요 नमस्ते עולם", "## ▁ @@ Ġ", "a\u0007b\u0000c\ufffd\ufeff", "x" * 300, "word " * 2_000,
    "supercalifragilisticexpialidocious " * 90, "猫" * 700, "\n\n line \r\n line \n",
]
"""Texts on which tokenizers differ, and some longer than any context here; compared beside the others."""

DOUBLE_COUNT = 200
"""Texts that are compared in double precision, which is slow."""


class Refused(Exception):
    """Texts that castor has no vector for, by their numbers: nothing in them makes a token."""


class Castor:
    """The program, with vectors as arrays and tokens as it counts them."""

    def __init__(self, program: Path):
        self.program = program

    def run(self, *words: object) -> tuple[float, float]:
        """Seconds and MiB at most."""
        start, most = time.monotonic(), 0
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen([str(self.program), *map(str, words)], stderr=errors)
            # The resources that wait() tells begin with this process's own, from which the other is forked.
            while process.poll() is None:
                found = re.search(r"VmHWM:\s*(\d+)", Path(f"/proc/{process.pid}/status").read_text())
                most = max(most, int(found[1]) if found else 0)
                time.sleep(0.005)
            if process.returncode:
                errors.seek(0)
                raise SystemExit(f"castor {words[0]}: {errors.read().decode()}")
        return time.monotonic() - start, most / 1024

    def embed(self, model: Path, texts: list[str]) -> tuple[np.ndarray, list[int]]:
        lines = [json.dumps({"key": str(index), "request": {"content": {"parts": [{"text": text}]}}}) for index, text in enumerate(texts)]
        run = subprocess.run([self.program, "embed", "--model", model, "--batch", "-"], input="\n".join(lines), capture_output=True, text=True, check=True)
        answers = [json.loads(line) for line in run.stdout.splitlines()]
        assert [answer["key"] for answer in answers] == [str(index) for index in range(len(texts))]
        refused = [answer["key"] for answer in answers if "error" in answer]
        if refused:
            raise Refused([int(key) for key in refused])
        answers = [answer["response"] for answer in answers]
        return np.array([answer["embedding"]["values"] for answer in answers]), [answer["usageMetadata"]["promptTokenCount"] for answer in answers]


def relative(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, int]:
    """The largest difference, and of which row."""
    rows = np.abs(ours - theirs).max(1) / np.abs(theirs).max(1)
    return float(rows.max()), int(rows.argmax())


def pairs(file: Path) -> tuple[list[str], list[str], list[float]]:
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    columns = [rows[0].index(name) for name in ("sentence1", "sentence2", "score")]
    first, second, scores = zip(*[[row[column] for column in columns] for row in rows[1:]])
    return list(first), list(second), [float(score) for score in scores]


def compare(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    castor = Castor(arguments.program)
    first, second, scores = pairs(arguments.pairs)
    texts = list(dict.fromkeys(first + second))
    compared = texts[: arguments.count]
    if arguments.texts:
        compared += arguments.texts.read_text(encoding="utf-8").split("\n")[:-1]
    compared += ODD
    compared, texts = ([arguments.prefix + text for text in group] for group in (compared, texts))
    reference = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": "float32"})

    def encode(texts: list[str]) -> np.ndarray:
        return reference.encode(texts, normalize_embeddings=True, batch_size=32, show_progress_bar=False)

    result: dict[str, object] = {"model": folder.name, "texts": len(compared)}
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary, "plain")
        result["import"] = [round(value, 2) for value in castor.run("import", folder, plain)]
        try:
            ours, counts = castor.embed(plain, compared)
        except Refused as refused:
            result["refused"] = len(refused.args[0])
            left_out = set(refused.args[0])
            compared = [text for index, text in enumerate(compared) if index not in left_out]
            ours, counts = castor.embed(plain, compared)
        theirs = encode(compared)
        result["difference"], worst = relative(ours, theirs)
        result["worst"] = compared[worst][:60]
        ids = reference.tokenizer(compared, truncation=True, max_length=reference.max_seq_length)["input_ids"]
        special = reference.tokenizer.num_special_tokens_to_add()
        result["tokens_differ"] = sum(len(row) - special != count for row, count in zip(ids, counts))
        result["longest"] = max(map(len, ids))

        index = {text: row for row, text in enumerate(texts)}
        ours_all, theirs_all = castor.embed(plain, texts)[0], encode(texts)
        rows = [[index[arguments.prefix + text] for text in group] for group in (first, second)]
        result["spearman"] = [
            round(float(spearmanr((vectors[rows[0]] * vectors[rows[1]]).sum(1), scores)[0]), 6) for vectors in (ours_all, theirs_all)]

        for precision in arguments.precisions.split(","):
            narrow = Path(temporary, precision)
            result[f"import_{precision}"] = [round(value, 2) for value in castor.run("import", folder, narrow, "--precision", precision)]
            vectors = castor.embed(narrow, compared)[0]
            cosines = (vectors * ours).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(ours, axis=1)
            result[precision] = [float(cosines[: -len(ODD)].min()), float(cosines[-len(ODD) :].min())]
            if arguments.spearman:
                vectors = castor.embed(narrow, texts)[0]
                result[f"spearman_{precision}"] = round(float(spearmanr((vectors[rows[0]] * vectors[rows[1]]).sum(1), scores)[0]), 6)
    if arguments.double:
        reference = reference.double()
        exact = encode(compared[:DOUBLE_COUNT])
        result["double"] = [relative(vectors[:DOUBLE_COUNT], exact)[0] for vectors in (ours, theirs)]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--pairs", required=True, type=Path)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--program", type=Path, default=ROOT / ".build/release/castor")
    parser.add_argument("--precisions", default="bfloat16", help="with commas between")
    parser.add_argument("--spearman", action="store_true", help="of the narrow weights, too")
    parser.add_argument("--double", action="store_true", help="compare both with double precision, too: slow")
    arguments = parser.parse_args()
    if missing:
        sys.exit(f"compare.py: this Python has no {missing}; compare.py --help begins with the commands that install it")
    for folder in arguments.folders:
        print(json.dumps(compare(folder, arguments)), flush=True)


if __name__ == "__main__":
    main()

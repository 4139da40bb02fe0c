#!/usr/bin/env python3
"""Holds mteb's scores of a model, through castor_mteb.py, against those of `castor evaluate` on the same data.

    .venv-mteb/bin/python tools/mteb/check.py PROGRAM [--model DIR]

The tasks are made on the spot (made_tasks.py); nothing is fetched. Then come the command, a text that fails, a server in the program's place, and the tasks
that mteb has of its own for trying models. Ends with 1 where something does not hold.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

# Nothing is asked of a network.
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1", TQDM_DISABLE="1")

import mteb  # noqa: E402
import numpy  # noqa: E402
from mteb.mocks import MOCK_TASK_TEST_GRID_MONOLINGUAL, MockImageClassificationTask  # noqa: E402
from mteb.models.model_implementations.google_gemini import GEMINI_EMBEDDING_2_PROMPTS  # noqa: E402

import castor_mteb  # noqa: E402
import made_tasks  # noqa: E402
import vectors  # noqa: E402

# mteb rounds what comes of pytrec_eval to five digits.
SAME_SCORE = 1e-5
# What a vector may differ by when it is batched otherwise.
SAME_VALUE = 2e-6
SMALLER = 256
# castor's names of the same metrics, in the order of their tasks.
METRICS = {
    "MadeRetrieval": {
        "nDCG@10": "ndcg_at_10", "recall@10": "recall_at_10", "recall@100": "recall_at_100", "MRR@10": "mrr_at_10", "MAP": "map_at_1000"},
    "MadeSTS": {"Spearman": "cosine_spearman", "Pearson": "cosine_pearson"},
    "MadeClassification": {"accuracy": "accuracy", "macro F1": "f1"},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("castor", help="the program")
    parser.add_argument("--model", help="default: as castor's own")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as folder:
        check = Check(pathlib.Path(folder), os.path.abspath(arguments.castor), arguments.model and os.path.abspath(arguments.model))
        check.scores()
        check.command()
        check.tasks()
        check.failing_text()
        check.server()
        check.kinds()
    print("All of it holds." if not check.failures else f"{check.failures} do not hold.")
    sys.exit(bool(check.failures))


class Check:
    def __init__(self, folder, castor, model):
        self.folder = folder
        self.castor = castor
        self.model = ["--model", model] if model else []
        self.source = vectors.Program(castor, model)
        self.spearman = None
        self.failures = 0

    def expect(self, holds, text):
        print(f"  {'holds' if holds else 'DOES NOT HOLD'}: {text}", flush=True)
        self.failures += not holds

    def scores(self):
        # Both of each, by turns.
        sizes = {False: self.source.dimensions, True: min(SMALLER, self.source.dimensions)}
        print(f"{'task':20} {'prompts':8} {'values':>6}  {'metric':12} {'mteb':>9} {'castor':>9}", flush=True)
        expected = self.evaluated(sizes.values())
        self.spearman = expected["MadeSTS", False, "Spearman", self.source.dimensions]
        worst = 0
        for prompts, size in sizes.items():
            encoder = castor_mteb.CastorEncoder(self.source, size, prompts)
            for task in made_tasks.TASKS:
                result = mteb.evaluate(encoder, [task()], cache=None, co2_tracker=False, show_progress_bar=False).task_results[0]
                for name, own in METRICS[result.task_name].items():
                    score, wanted = result.scores["test"][0][own], expected[result.task_name, prompts, name, size]
                    worst = max(worst, abs(score - wanted))
                    print(f"{result.task_name:20} {'on' if prompts else 'off':8} {size:6}  {name:12} {score:9.5f} {wanted:9.5f}", flush=True)
        self.expect(worst <= SAME_SCORE, f"scores are those of castor evaluate: the largest difference is {worst:.1e}, {SAME_SCORE:.0e} may be")

    def evaluated(self, sizes):
        tasks, result = made_tasks.write(self.folder), self.folder / "result.json"
        subprocess.run(
            [self.castor, "evaluate", *self.model, "--tasks", tasks, "--data", self.folder, "--prompts", "both",
             "--dimensions", ",".join(map(str, dict.fromkeys(sizes))), "--json", result], check=True, stdout=subprocess.DEVNULL)
        return {
            (task["name"], task["prompts"], metric["name"], int(size)): value
            for task in json.loads(result.read_text())["tasks"] for metric in task["metrics"] for size, value in metric["values"].items()}

    def command(self):
        """What a user types, with data in the hub's place, and without any."""
        place = self.folder / "mteb/stsbenchmark-sts"
        place.mkdir(parents=True)
        (place / "test.jsonl").write_text("".join(
            json.dumps({"sentence1": first, "sentence2": second, "score": score}) + "\n" for first, second, score in made_tasks.pairs()))
        run = self.run("STSBenchmark")
        wanted = f"{self.spearman:.4f}"
        kept = list(self.folder.glob(f"out/results/castor__{self.source.name}/{self.source.revision}/STSBenchmark.json"))
        self.expect(
            run.returncode == 0 and run.stdout.split()[-1] == wanted and len(kept) == 1,
            f"mteb's STSBenchmark on those pairs, by the command: {wanted} ({run.stdout.splitlines()[-1]})")
        run = self.run("STS12")
        said = run.stderr.strip().splitlines()[-1]
        self.expect(run.returncode == 69 and "STS12: no data" in said, f"the command ends with 69 where there are no data ({said[:120]})")

    def run(self, task):
        return subprocess.run(
            [sys.executable, pathlib.Path(castor_mteb.__file__).resolve(), "--castor", self.castor, *self.model, "--tasks", task, "--output", "out"],
            capture_output=True, text=True, cwd=self.folder, env={**os.environ, "HF_HOME": str(self.folder / "hub")})

    def tasks(self):
        hosted = {name: GEMINI_EMBEDDING_2_PROMPTS.get(name) for name in castor_mteb.TASKS}
        sides = {side: GEMINI_EMBEDDING_2_PROMPTS[side.value] for side in castor_mteb.SIDES}
        self.expect(hosted == castor_mteb.TASKS and sides == castor_mteb.SIDES, "tasks are mapped as mteb maps them for the hosted model")

    def failing_text(self):
        rows = [{"text": ["a kitten", "", "a dog"]}]
        task = made_tasks.MadeSTS.metadata
        try:
            castor_mteb.CastorEncoder(self.source).encode(rows, task_metadata=task, hf_split="test", hf_subset="default")
            said = "nothing"
        except castor_mteb.ContentFailed as error:
            said = str(error)
        self.expect("MadeSTS, test: content 1 of 3" in said and "empty" in said, f"an empty text ends the run: {said}")
        encoder = castor_mteb.CastorEncoder(self.source, zeros=True)
        found = encoder.encode(rows, task_metadata=task, hf_split="test", hf_subset="default")
        lengths = numpy.linalg.norm(found, axis=1)
        self.expect(encoder.failed == 1 and numpy.allclose(lengths, [1, 0, 1], atol=1e-5), "or is zeros, said and counted, where that is asked for")

    def server(self):
        rows = [{"text": [one["text"] for one in made_tasks.documents()], "body": [one["text"] for one in made_tasks.documents()],
                 "title": [one["title"] for one in made_tasks.documents()]}]
        options = {
            "task_metadata": made_tasks.MadeRetrieval.metadata, "hf_split": "test", "hf_subset": "default",
            "prompt_type": castor_mteb.PromptType.document}
        with Served(self.castor, self.folder / "served", [*self.model, "--apply-task-prompts"]) as url:
            served = castor_mteb.CastorEncoder(vectors.Server(url), SMALLER, prompts=True)
            difference = abs(
                served.encode(rows, **options) - castor_mteb.CastorEncoder(self.source, SMALLER, prompts=True).encode(rows, **options)).max()
            self.expect(difference <= SAME_VALUE, f"a server's vectors differ by {difference:.1e}, {SAME_VALUE:.0e} may be")
            try:
                served.encode([{"text": ["a", "", "b"]}], **options)
                said = "nothing"
            except castor_mteb.ContentFailed as error:
                said = str(error)
            self.expect("content 1 of 3" in said, f"and a text that fails is named: {said}")

    def kinds(self):
        encoder = castor_mteb.CastorEncoder(self.source, SMALLER, prompts=True)
        tasks = [*MOCK_TASK_TEST_GRID_MONOLINGUAL, *([MockImageClassificationTask()] if "image" in encoder.mteb_model_meta.modalities else [])]
        failed = []
        for task in tasks:
            try:
                mteb.evaluate(encoder, [task], cache=None, co2_tracker=False, show_progress_bar=False)
            except Exception as error:
                failed.append(f"{task.metadata.name}: {str(error).splitlines()[0]}")
        said = "".join(f"\n    {one}" for one in failed)
        self.expect(not failed, f"{len(tasks) - len(failed)} of {len(tasks)} of mteb's own tasks for trying models run{said}")


class Served:
    """`castor serve` on a free port, for as long as the block lasts."""

    def __init__(self, castor, folder, options):
        self.command = [castor, "serve", "--port", "0", "--log-level", "error", "--data-dir", str(folder), *options]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "listening at" in line:
                return line.split()[-1]
        sys.exit("castor serve did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()


if __name__ == "__main__":
    main()

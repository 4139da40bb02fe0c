#!/usr/bin/env python3
"""Puts a model folder on MTEB, the public benchmark of embeddings (https://github.com/embeddings-benchmark/mteb).

    tools/mteb/setup                                              once
    .venv-mteb/bin/python tools/mteb/castor_mteb.py --model models/minilm --tasks STSBenchmark Banking77Classification
    .venv-mteb/bin/python tools/mteb/castor_mteb.py --server http://127.0.0.1:8080 --benchmark "MTEB(eng, v2)"

mteb fetches a task's data from the Hugging Face hub, and keeps them in its cache. Results are files as the leaderboard has them, below
OUTPUT/results; a second run computes what is missing. Ends with 64 where there is no such task, 65 where a content has no vector, 69 where there
is no program, no server or no data.
"""

import argparse
import base64
import io
import pathlib
import sys

import mteb
import numpy
from mteb.models import ModelMeta
from mteb.models.abs_encoder import AbsEncoder
from mteb.types import PromptType

import vectors

# The service's task for each of mteb's kinds, as mteb has them for the hosted model (models/model_implementations/google_gemini.py). Left out are
# the tasks for which Google chose another one by how the hosted model did there; and queries of reranking are queries here.
TASKS = {
    "Classification": "CLASSIFICATION",
    "MultilabelClassification": "CLASSIFICATION",
    "PairClassification": "CLASSIFICATION",
    "Clustering": "CLUSTERING",
    "STS": "SEMANTIC_SIMILARITY",
    "BitextMining": "SEMANTIC_SIMILARITY",
    "Summarization": "SEMANTIC_SIMILARITY",
}
SIDES = {PromptType.query: "RETRIEVAL_QUERY", PromptType.document: "RETRIEVAL_DOCUMENT"}
# What this hands on of what a model takes: mteb decodes sounds and films itself, with libraries of its own.
MEDIA = ("text", "image")
OWN_MODEL = vectors.ROOT / "weights/castor-small"


class ContentFailed(Exception):
    """A content has no vector."""


class CastorEncoder(AbsEncoder):
    """A model of Castor as mteb wants one.

    - source: vectors.Program or vectors.Server
    - dimensions: size of a vector; the model's own where not given
    - prompts: whether a task's prompt goes before its texts; where not given, whether the model has prompts of its own
    - zeros: a content that has no vector gets zeros and is counted in `failed`; without, it ends the run
    """

    def __init__(self, source, dimensions=None, prompts=None, zeros=False, name=None, license=None):
        self.source = source
        self.dimensions = dimensions or source.dimensions
        self.prompts = source.has_prompts if prompts is None else prompts
        if isinstance(source, vectors.Server) and prompts and not source.has_prompts:
            raise vectors.Unavailable("this server puts no prompts before texts: start it with --apply-task-prompts")
        self.zeros = zeros
        self.failed = 0
        self.mteb_model_meta = self._meta(name, license)

    def encode(self, inputs, *, task_metadata, hf_split, hf_subset, prompt_type=None, **_):
        task = task_type(task_metadata, prompt_type) if self.prompts else None
        requests = [request(row, task) for row in rows(inputs)]
        result = numpy.zeros((len(requests), self.dimensions), numpy.float32)
        count = 0
        for place, found in enumerate(self.source.embed(requests, self.dimensions)):
            count += 1
            if isinstance(found, str):
                self._fail(f"{task_metadata.name}, {hf_split}: content {place} of {len(requests)} has no vector: {found}: {shown(requests[place])}")
            elif len(found) != self.dimensions:
                raise vectors.Unavailable(f"a vector has {len(found)} values, not {self.dimensions}")
            else:
                result[place] = found
        if count != len(requests):
            raise vectors.Unavailable(f"{count} answers to {len(requests)} contents")
        return result

    def _fail(self, text):
        if not self.zeros:
            raise ContentFailed(text)
        self.failed += 1
        print(f"castor_mteb: {text}; zeros instead", file=sys.stderr)

    def _meta(self, name, license):
        info = self.source.info or {}
        # With a size or prompts that are not the model's own, results go to a folder of their own.
        other = {"dimensions": self.dimensions} if self.dimensions != self.source.dimensions else {}
        if self.prompts != self.source.has_prompts:
            other["prompts"] = self.prompts
        is_own = OWN_MODEL.exists() and self.source.revision == vectors.digest(OWN_MODEL)
        return ModelMeta(
            loader=None, name=name or f"castor/{self.source.name}", revision=self.source.revision, release_date=None, languages=None,
            n_parameters=info.get("parameters"), memory_usage_mb=info["weightBytes"] / (1 << 20) if info else None,
            max_tokens=info.get("maxTokens"), embed_dim=self.dimensions, license=license or ("apache-2.0" if is_own else None),
            open_weights=True if is_own else None, public_training_code=None, public_training_data=None,
            framework=["safetensors"] if info else ["API"], similarity_fn_name="cosine", use_instructions=self.prompts,
            training_datasets=None, experiment_kwargs=other or None,
            modalities=[medium for medium in MEDIA if medium in info.get("media", MEDIA)])


def task_type(metadata, prompt_type):
    """The service's name of what a text is embedded for; none beside pictures, as the hosted service has no prompts for them."""
    if set(metadata.modalities) != {"text"}:
        return None
    return TASKS.get(metadata.type) or SIDES.get(prompt_type)


def rows(batches):
    for batch in batches:
        for place in range(len(next(iter(batch.values())))):
            yield {name: values[place] for name, values in batch.items()}


def request(row, task):
    """A row of mteb as the service has it. A document's title has its own place in the prompt; without one it stands before the text."""
    parts, title = [], None
    text = row.get("text")
    if task == "RETRIEVAL_DOCUMENT" and row.get("title") and row.get("body", "").strip():
        text, title = row["body"], row["title"]
    if text is not None:
        parts.append({"text": text})
    if row.get("image") is not None:
        parts.append({"inlineData": {"mimeType": "image/png", "data": png(row["image"])}})
    return {"content": {"parts": parts}} | ({"taskType": task} if task else {}) | ({"title": title} if title else {})


def png(image):
    data = io.BytesIO()
    image.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def shown(request):
    texts = [part["text"] for part in request["content"]["parts"] if "text" in part]
    return repr(" ".join(texts)[:80]) if texts else "a picture"


# MARK: Command

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", metavar="DIR", help="a model folder, or a hub's; default: castor's own")
    source.add_argument("--server", metavar="URL", help="ask a server that runs, instead of starting castor")
    parser.add_argument("--tasks", nargs="+", default=[], metavar="NAME", help="tasks by the names that mteb has for them")
    parser.add_argument("--benchmark", metavar="NAME", help='all tasks of a benchmark, as "MTEB(eng, v2)"')
    parser.add_argument("--languages", nargs="+", metavar="CODE", help="of tasks in many, only these: eng deu")
    parser.add_argument("--output", default="results", metavar="DIR", help="where results are kept (results)")
    parser.add_argument("--dimensions", type=int, metavar="N", help="size of a vector; default: the model's own")
    parser.add_argument(
        "--prompts", choices=("on", "off"), help="a task's prompt before its texts; default: on where the model has prompts of its own")
    parser.add_argument("--zeros", action="store_true", help="a content that has no vector, such as an empty text, gets zeros and is said; else the run ends")
    parser.add_argument("--again", action="store_true", help="compute also what there are results of")
    parser.add_argument("--name", metavar="OWNER/NAME", help="of the model in the results; default: castor/ and the model's own")
    parser.add_argument("--license", metavar="NAME", help="of the model, for the results: apache-2.0, mit, ..")
    parser.add_argument(
        "--castor", default=vectors.found_program(), metavar="PROGRAM", help="default: that of this checkout, else castor on the PATH")
    parser.add_argument("--precision", choices=("single", "bfloat16", "int8"), help="as castor's")
    parser.add_argument("--threads", metavar="N", help="as castor's")
    parser.add_argument("--api-key", metavar="KEY", help="for --server")
    arguments = parser.parse_args()
    if bool(arguments.tasks) == bool(arguments.benchmark):
        parser.error("either --tasks or --benchmark")
    try:
        sys.exit(run(arguments))
    except ContentFailed as error:
        print(f"castor_mteb: {error}\ncastor_mteb: with --zeros the run goes on", file=sys.stderr)
        sys.exit(65)
    except vectors.Unavailable as error:
        print(f"castor_mteb: {error}", file=sys.stderr)
        sys.exit(69)


def run(arguments):
    if arguments.server:
        source = vectors.Server(arguments.server, api_key=arguments.api_key)
    else:
        options = [word for name in ("precision", "threads") if (value := getattr(arguments, name)) for word in (f"--{name}", value)]
        source = vectors.Program(arguments.castor, arguments.model, options)
    prompts = None if arguments.prompts is None else arguments.prompts == "on"
    encoder = CastorEncoder(source, arguments.dimensions, prompts, arguments.zeros, arguments.name, arguments.license)
    tasks = chosen_tasks(arguments)
    meta = encoder.mteb_model_meta
    print(f"castor_mteb: {meta.name} {meta.revision}, {encoder.dimensions} values, prompts {'on' if encoder.prompts else 'off'}", file=sys.stderr)
    # What a server has may be another model tomorrow.
    strategy = "always" if arguments.again or arguments.server else "only-missing"
    cache = mteb.ResultCache(arguments.output)
    print(f"{'task':40} {'metric':20} {'score':>7}")
    for task in tasks:
        try:
            result = mteb.evaluate(encoder, [task], cache=cache, overwrite_strategy=strategy, co2_tracker=False).task_results[0]
        except OSError as error:
            # No hub, or none that has them, and nothing in its cache.
            if task.data_loaded:
                raise
            raise vectors.Unavailable(f"{task.metadata.name}: no data: {str(error).splitlines()[0]}") from None
        print(f"{result.task_name:40} {task.metadata.main_score:20} {result.get_score():7.4f}", flush=True)
    if encoder.failed:
        print(f"castor_mteb: {encoder.failed} contents had no vector and count as zeros", file=sys.stderr)
    folder = pathlib.Path(arguments.output, "results", meta.model_name_as_path(), meta.revision)
    print(f"castor_mteb: results are in {folder}", file=sys.stderr)
    return 0


def chosen_tasks(arguments):
    try:
        if arguments.benchmark:
            tasks = mteb.get_benchmark(arguments.benchmark).tasks
            return [task for task in tasks if not arguments.languages or task.filter_languages(arguments.languages).hf_subsets]
        return list(mteb.get_tasks(tasks=arguments.tasks, languages=arguments.languages))
    except KeyError as error:
        print(f"castor_mteb: {error.args[0]}", file=sys.stderr)
        sys.exit(64)


if __name__ == "__main__":
    main()

"""Who gives vectors: the program as a filter, or a server that runs."""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import urllib.error
import urllib.request

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What the server takes at once.
BATCH = 100
TASK_TYPES = ("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING")


class Unavailable(Exception):
    """The program, the server or the data cannot be had at all, as distinct from one content that fails."""


class Program:
    """`castor embed --batch -`, started for each list of contents: 0.1 s of the processor, no port, answers in the order of the questions."""

    def __init__(self, castor, model=None, options=()):
        self.castor = castor
        self.options = [*(["--model", str(model)] if model else []), *options]
        self.info = json.loads(self._run(["info", "--json", *self.options]))["model"]
        self.name = self.info["name"]
        self.folder = pathlib.Path(self.info["path"])
        self.dimensions = self.info["dimensions"]
        # castor-small has been trained without prompts; imported models bring their own.
        self.has_prompts = bool(self.info["prompts"])
        self.revision = digest(self.folder)

    def _run(self, arguments):
        try:
            run = subprocess.run([self.castor, *arguments], capture_output=True, text=True)
        except OSError as error:
            raise Unavailable(f"{self.castor}: {error.strerror}; build it with make program, or name it with --castor") from None
        if run.returncode:
            raise Unavailable(run.stderr.strip().removeprefix("castor: "))
        return run.stdout

    def embed(self, requests, dimensions):
        """A vector or the reason why there is none, for each request, in order."""
        command = [self.castor, "embed", "--batch", "-", "--apply-task-prompts", "--dimensions", str(dimensions), *self.options]
        with tempfile.TemporaryFile() as lines:
            for key, request in enumerate(requests):
                lines.write(json.dumps({"key": str(key), "request": request}).encode() + b"\n")
            lines.seek(0)
            # What it says of contents that were cut, or failed, goes to standard error as it is.
            with subprocess.Popen(command, stdin=lines, stdout=subprocess.PIPE) as process:
                for key, line in enumerate(process.stdout):
                    answer = json.loads(line)
                    if answer["key"] != str(key):
                        raise Unavailable(f"the answer to content {key} is that to {answer['key']}")
                    yield vector_of(answer["response"]) if "response" in answer else answer["error"]["message"]
        if process.returncode:
            raise Unavailable(f"castor embed ended with {process.returncode}")


class Server:
    """`castor serve` somewhere, or what answers as it does."""

    def __init__(self, url, model=None, api_key=None):
        self.url = url.rstrip("/")
        self.headers = {"Content-Type": "application/json"} | ({"x-goog-api-key": api_key} if api_key else {})
        models = [model["name"].removeprefix("models/") for model in self._ask("/v1beta/models")["models"]]
        # The loaded model stands under its own name and under those of the hosted ones.
        own = [name for name in models if not name.startswith("gemini-embedding-")]
        self.name = model or (own or models)[0]
        self.info = None
        self.folder = None
        # A model may have prompts for some tasks alone.
        probe = {"content": {"parts": [{"text": "a sleepy kitten"}]}}
        plain, *prompted = self._batch([probe, *(probe | {"taskType": task} for task in TASK_TYPES)], None)
        self.dimensions = len(plain)
        self.has_prompts = not all(numpy.allclose(plain, other, atol=1e-4) for other in prompted)
        # It does not say which weights it has.
        self.revision = "served"

    def _ask(self, path, body=None):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode() if body else None, self.headers)
        try:
            with urllib.request.urlopen(request) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                text = json.loads(text)["error"]["message"]
            except (ValueError, KeyError, TypeError):
                pass
            if error.code == 400:
                raise ValueError(text) from None
            raise Unavailable(f"{self.url}{path}: {error.code} {text}") from None
        except OSError as error:
            raise Unavailable(f"{self.url}: {error}") from None

    def _batch(self, requests, dimensions):
        size = {"outputDimensionality": dimensions} if dimensions else {}
        body = {"requests": [{"model": f"models/{self.name}", **request, **size} for request in requests]}
        try:
            answers = self._ask(f"/v1beta/models/{self.name}:batchEmbedContents", body)["embeddings"]
        except ValueError as error:
            if len(requests) == 1:
                yield str(error).strip()
                return
            # One of them is refused: which one, and why, each says for itself.
            for request in requests:
                yield from self._batch([request], dimensions)
            return
        if len(answers) != len(requests):
            raise Unavailable(f"{len(answers)} vectors for {len(requests)} contents")
        for answer in answers:
            yield numpy.asarray(answer["values"], numpy.float32)

    def embed(self, requests, dimensions):
        """A vector or the reason why there is none, for each request, in order."""
        batch = []
        for request in requests:
            batch.append(request)
            if len(batch) == BATCH:
                yield from self._batch(batch, dimensions)
                batch = []
        if batch:
            yield from self._batch(batch, dimensions)


def vector_of(response):
    return numpy.asarray(response["embedding"]["values"], numpy.float32)


def digest(folder):
    """Of names and bytes of a model's files, but not of what is written about it."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".md"):
        digest.update(f"{file.name} {file.stat().st_size}\n".encode())
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:40]


def found_program():
    """The one of this checkout where it is built, else that on the PATH."""
    built = ROOT / ".build/release/castor"
    return os.environ.get("CASTOR_PROGRAM") or (str(built) if built.exists() else "castor")

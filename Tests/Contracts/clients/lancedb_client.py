"""lancedb, which finds the server by the environment and sends a content each."""

import os
import tempfile

import lancedb
from lancedb.embeddings import get_registry
from lancedb.pydantic import LanceModel, Vector

from plain import same, vector, version1

os.environ["GOOGLE_API_KEY"] = "test-key"
TEXTS = ["the cat sat on the mat", "rain over the harbour", "a recipe for bread"]


def check_list_and_size(url):
    embeds = get_registry().get("gemini-text").create(name="gemini-embedding-2", dim=64)
    vectors = embeds.generate_embeddings(TEXTS)
    assert len(vectors) == 3
    for values, text in zip(vectors, TEXTS):
        same(values, vector(text, dimensions=64))
    same(embeds.compute_query_embeddings("hello")[0], vector("hello", dimensions=64))


def check_version_1(url):
    embeds = get_registry().get("gemini-text").create(name="gemini-embedding-001")
    same(embeds.generate_embeddings(["hello"])[0], version1(url, "hello", dimensions=768))


def check_search(url):
    embeds = get_registry().get("gemini-text").create(name="gemini-embedding-2", dim=1536)

    class Row(LanceModel):
        text: str = embeds.SourceField()
        vector: Vector(embeds.ndims()) = embeds.VectorField()

    with tempfile.TemporaryDirectory() as folder:
        table = lancedb.connect(folder).create_table("rows", schema=Row)
        table.add([{"text": text} for text in TEXTS])
        # The documents have a title before them, the query has none.
        found = table.search(TEXTS[1]).limit(3).to_list()
        assert found[0]["text"] == TEXTS[1], [row["text"] for row in found]

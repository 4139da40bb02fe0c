"""chromadb, which finds the server by the environment. Its list of documents for version 2 is one content, as hosted: it says so with an error."""

import os

import chromadb
from chromadb.config import Settings
from chromadb.utils.embedding_functions.google_embedding_function import GoogleGeminiEmbeddingFunction

from plain import Raises, same, vector, version1

os.environ["GEMINI_API_KEY"] = "test-key"
DOCUMENTS = ["the cat sat on the mat", "rain over the harbour", "a recipe for bread"]


def function(model, **options):
    return GoogleGeminiEmbeddingFunction(model_name=model, **options)


def collection(name, embeds):
    return chromadb.EphemeralClient(Settings(anonymized_telemetry=False)).create_collection(name, embedding_function=embeds)


def check_one(url):
    same(function("gemini-embedding-2")(["hello"])[0], vector("hello"))


def check_list_and_size(url):
    vectors = function("gemini-embedding-001", dimension=64)(DOCUMENTS)
    assert len(vectors) == 3
    for values, text in zip(vectors, DOCUMENTS):
        same(values, version1(url, text, dimensions=64))


def check_search(url):
    store = collection("version1", function("gemini-embedding-001"))
    store.add(ids=["a", "b", "c"], documents=DOCUMENTS)
    found = store.query(query_texts=[DOCUMENTS[1]], n_results=3)
    assert found["ids"][0][0] == "b" and found["distances"][0][0] < 1e-5


def check_version_2_fuses(url):
    with Raises("IDs", kind=Exception):
        collection("version2", function("gemini-embedding-2")).add(ids=["a", "b", "c"], documents=DOCUMENTS)

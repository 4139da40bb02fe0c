"""mem0ai, which finds the server by the environment; its OpenAI provider has an option."""

import tempfile

from mem0 import Memory
from mem0.configs.embeddings.base import BaseEmbedderConfig
from mem0.embeddings.gemini import GoogleGenAIEmbedding
from mem0.embeddings.openai import OpenAIEmbedding

from plain import Raises, same, vector, version1


def gemini(model, dimensions=768):
    return GoogleGenAIEmbedding(BaseEmbedderConfig(model=model, api_key="test-key", embedding_dims=dimensions))


def check_one_and_size(url):
    same(gemini("gemini-embedding-2", 64).embed("hello"), vector("hello", dimensions=64))


def check_list(url):
    vectors = gemini("models/gemini-embedding-001").embed_batch(["a", "b", "c"])
    for values, text in zip(vectors, "abc"):
        same(values, version1(url, text, dimensions=768))


def check_version_2_fuses(url):
    with Raises("1 embeddings for 3 texts"):
        gemini("gemini-embedding-2").embed_batch(["a", "b", "c"])


def check_openai_face(url):
    embedder = OpenAIEmbedding(BaseEmbedderConfig(
        model="gemini-embedding-2", api_key="test-key", openai_base_url=f"{url}/v1beta/openai", embedding_dims=64))
    vectors = embedder.embed_batch(["a", "b"])
    same(vectors[1], vector("b", dimensions=64))


def memory(folder):
    return Memory.from_config({
        "embedder": {"provider": "gemini", "config": {"model": "gemini-embedding-001", "api_key": "test-key", "embedding_dims": 768}},
        "llm": {"provider": "gemini", "config": {"model": "gemini-2.5-flash", "api_key": "test-key"}},
        "vector_store": {"provider": "qdrant", "config": {"path": f"{folder}/qdrant", "embedding_model_dims": 768}},
        "history_db_path": f"{folder}/history.db"})


def check_search(url):
    with tempfile.TemporaryDirectory() as folder:
        store = memory(folder)
        for text in ("I like pizza", "my dog is called Rex", "the car is red"):
            store.add(text, user_id="u", infer=False)
        found = store.search("my dog is called Rex", filters={"user_id": "u"})["results"]
        assert found[0]["memory"] == "my dog is called Rex", found


def check_the_chat_model_is_told(url):
    """One base URL for everything moves the chat model, too."""
    with tempfile.TemporaryDirectory() as folder, Raises("it does not generate", kind=Exception):
        memory(folder).add("I like pizza", user_id="u")
